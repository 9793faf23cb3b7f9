"""A stop that loses no connection: new ones are left unanswered, so that a proxy asks another replica instead.

A listening socket that is closed resets every connection that waits in its queue, and gunicorn's workers close theirs
while others still come. By then a proxy has sent the request, and a form is not sent again.
"""

import ctypes
import os
import signal
import socket
import struct
import time
from contextlib import suppress
from typing import Any

SO_ATTACH_FILTER = 26  # socket(7)
WHILE_QUEUED = 0.3  # seconds in which the workers take what had connected before
# A program for the packets of a socket: https://docs.kernel.org/networking/filter.html
DROP_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load the byte of the TCP header that has the flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # if that is SYN alone, go on; else skip one
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFF),  # let it pass
)


def drop_new_connections(listener: socket.socket) -> None:
    """Let a listening socket of Linux answer nobody who connects from now on; raises `OSError` where it cannot."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in DROP_NEW_CONNECTIONS))
    address = struct.pack("HP", len(DROP_NEW_CONNECTIONS), ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, address)


def take_what_is_queued_first(server: Any) -> None:
    """Before gunicorn handles SIGTERM, let its workers take the connections that wait."""
    stop: Any = signal.getsignal(signal.SIGTERM)

    def wait_and_stop(number: int, frame: Any) -> None:
        if os.getpid() != server.pid:  # a worker that was forked this moment: it has no handler of its own yet
            os._exit(0)
        with suppress(OSError):
            for listener in server.LISTENERS:
                drop_new_connections(listener.sock)
            time.sleep(WHILE_QUEUED)
        stop(number, frame)

    signal.signal(signal.SIGTERM, wait_and_stop)
