"""An editor that attaches to a debugger, as far as a test needs one.

It speaks https://microsoft.github.io/debug-adapter-protocol, with debugpy's word for a process that was started by
another: https://github.com/microsoft/debugpy/wiki/Debug-configuration-settings
"""

from __future__ import annotations

import itertools
import json
import socket
from pathlib import Path
from typing import Any


class Session:
    """One process that is debugged."""

    def __init__(self, port: int, folder: Path, **more: Any) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.stream = self.connection.makefile("rb")
        self.numbers = itertools.count(1)
        self.port, self.folder = port, folder
        self.seen: list[dict[str, Any]] = []
        self.ask("initialize", adapterID="debugpy", pathFormat="path")
        mappings = [{"localRoot": str(folder), "remoteRoot": "/app"}]
        self.send("attach", pathMappings=mappings, **more)
        self.event("initialized")

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request, and return its number."""
        number = next(self.numbers)
        body = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
        self.connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return number

    def message(self) -> dict[str, Any]:
        """Return the next message of the debugger."""
        length = 0
        while (line := self.stream.readline()).strip():
            length = int(line.partition(b":")[2])
        found: dict[str, Any] = json.loads(self.stream.read(length))
        return found

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request, and return the body of the answer."""
        number = self.send(command, **arguments)
        while True:
            found = self.message()
            if found["type"] == "response" and found["request_seq"] == number:
                assert found["success"], found
                return dict(found.get("body") or {})
            self.seen.append(found)

    def event(self, name: str) -> dict[str, Any]:
        """Return the body of the first event of this name that was not returned yet."""
        while True:
            for found in self.seen:
                if found.get("event") == name:
                    self.seen.remove(found)
                    return dict(found.get("body") or {})
            self.seen.append(self.message())

    def child(self) -> Session:
        """Return the session of a process that this one started."""
        told = self.event("debugpyAttach")
        return Session(self.port, self.folder, subProcessId=told["subProcessId"])

    def stop_at(self, file: Path, line: int) -> None:
        """Stop the process whenever it comes to a line."""
        self.ask("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": line}])
        self.ask("configurationDone")

    def stopped(self) -> dict[str, Any]:
        """Wait until it stops, and return the innermost frame."""
        thread = self.event("stopped")["threadId"]
        frame: dict[str, Any] = self.ask("stackTrace", threadId=thread, levels=1)["stackFrames"][0]
        return {**frame, "thread": thread}

    def value(self, frame: dict[str, Any], expression: str) -> str:
        """Return what an expression is in a frame."""
        return str(self.ask("evaluate", expression=expression, frameId=frame["id"])["result"])

    def close(self) -> None:
        """Let the process go on without a debugger."""
        self.connection.close()
