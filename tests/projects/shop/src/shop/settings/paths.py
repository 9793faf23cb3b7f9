from pathlib import Path

SRC = Path(__file__).resolve().parent.parent.parent
