"""Loaded with the site and before any request, so a server that patches `time` in its workers misses this name."""

from time import sleep


def rest() -> None:
    sleep(0.02)
