"""The hub's part for who has a thread open: what its pages say of themselves, written down with the sweep.

A page that is looked at says so every ten seconds. From that follow, without a write for any message: who is shown as
being here, whom a message need not ring for, and how far each of them has read.
"""

import secrets
import time
from typing import TYPE_CHECKING

from django.db import DatabaseError

from . import database
from .outlet import Outlet
from .thread_positions import ThreadPosition

if TYPE_CHECKING:
    from .hub import Hub

SAID_LASTS = 15.0  # seconds after a page has said that it is looked at
RENEWAL_SECONDS = 10.0  # between two renewals of the same


class HereWatch:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._name = secrets.token_hex(8)  # of this process
        self._said: dict[Outlet, float] = {}
        self._written: set[tuple[int, int]] = set()
        self._renewed_at = 0.0
        self._read: dict[tuple[int, int], int] = {}  # a thread and an inbox: up to which message
        self._read_before: dict[tuple[int, int], int] = {}

    def heard(self, outlet: Outlet, said: ThreadPosition, is_here: bool) -> None:
        """A page has sent its form: whether it is looked at, and what it shows."""
        if not outlet.thread.thread_id:
            return
        if not is_here:
            self._said.pop(outlet, None)
            return
        self._said[outlet] = time.monotonic()
        seat = outlet.thread.thread_id, outlet.inbox_id
        if said.thread_id == outlet.thread.thread_id and said.last > self._read_before.get(seat, 0):
            self._read[seat] = max(said.last, self._read.get(seat, 0))

    def leave(self, outlet: Outlet) -> None:
        self._said.pop(outlet, None)

    def _seats(self) -> set[tuple[int, int]]:
        moment = time.monotonic()
        self._said = {outlet: at for outlet, at in self._said.items() if moment - at < SAID_LASTS}
        return {(outlet.thread.thread_id, outlet.inbox_id) for outlet in self._said if outlet.is_in_thread}

    async def write_down(self) -> None:
        """Who has come and gone since the last time, and what they have read."""
        seats = self._seats()
        is_due = time.monotonic() - self._renewed_at >= RENEWAL_SECONDS
        new, left = seats if is_due else seats - self._written, self._written - seats
        read, self._read = self._read, {}
        if not (new or left or read):
            return
        try:
            await database.renew_here(self._name, new, left, read)
        except DatabaseError:  # then in the next round
            self._read = {**read, **self._read}
            raise
        self._written = seats
        self._read_before = {seat: number for seat, number in {**self._read_before, **read}.items() if seat in seats}
        if is_due:
            self._renewed_at = time.monotonic()
