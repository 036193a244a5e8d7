"""The hub's part for whom broadcasts have reached: remembered when a frame is sent, written down with the sweep.

Many in one statement, and not while anybody waits for it. What is written already is not written again.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import DatabaseError

from . import database

if TYPE_CHECKING:
    from .hub import Hub


class ReachWatch:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._waiting: dict[int, set[int]] = {}  # broadcast: inboxes on whose pages it stands
        self._written: dict[int, set[int]] = {}

    def note(self, inbox_id: int, broadcast_ids: Iterable[int]) -> None:
        for broadcast_id in broadcast_ids:
            if inbox_id not in self._written.get(broadcast_id, ()):
                self._waiting.setdefault(broadcast_id, set()).add(inbox_id)

    async def write_down(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        try:
            running = await database.reach(waiting)
        except DatabaseError:  # then in the next round
            for broadcast_id, inbox_ids in waiting.items():
                self._waiting.setdefault(broadcast_id, set()).update(inbox_ids)
            raise
        for broadcast_id, inbox_ids in waiting.items():
            self._written.setdefault(broadcast_id, set()).update(inbox_ids)
        self._written = {one: found for one, found in self._written.items() if one in running}
