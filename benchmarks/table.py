"""The memory that driver, publisher and load client share: which message was sent when, and has come to how many.

`load/table.h` has the same layout. Times are seconds of the machine's monotonic clock, the same for all processes.
"""

import ctypes
import mmap
from pathlib import Path


class Message(ctypes.Structure):
    _fields_ = [
        ("sent", ctypes.c_double),
        ("first", ctypes.c_double),
        ("last", ctypes.c_double),
        ("count", ctypes.c_uint32),
        ("fanout", ctypes.c_uint32),
    ]


class Header(ctypes.Structure):
    _fields_ = [
        *(
            (name, ctypes.c_uint64)
            for name in (
                *("messages", "stop", "open", "live", "opened", "failed", "closed"),
                *("deliveries", "doubled", "completed", "frames", "bytes", "acknowledgements", "full_lists"),
            )
        ),
        ("went_live_at", ctypes.c_double),
    ]


class Table:
    def __init__(self, path: Path, messages: int = 0) -> None:
        """An existing one; with ``messages`` a new one for so many."""
        if messages:
            path.write_bytes(bytes(ctypes.sizeof(Header) + messages * ctypes.sizeof(Message)))
        with path.open("r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        self.path = path
        self.header = Header.from_buffer(memory)
        if messages:
            self.header.messages = messages
        self.messages = (Message * self.header.messages).from_buffer(memory, ctypes.sizeof(Header))

    def lost(self, start: int, end: int) -> int:
        """Deliveries of these messages that have not come."""
        return sum(one.fanout - one.count for one in self.messages[start:end])
