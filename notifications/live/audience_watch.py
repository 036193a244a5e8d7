"""The hub's part for audiences: who has ceased to be addressed, or has begun to be, without anybody having said so.

Whoever joins or leaves a group through Django has pages that look anew at once. What is done to the tables by hand is
found here: whom the running broadcasts address is remembered for every connected reader, and compared once a minute.
"""

from typing import TYPE_CHECKING

from . import database

if TYPE_CHECKING:
    from .hub import Hub

Addressed = dict[int, frozenset[int]]  # inbox: broadcasts


class AudienceWatch:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._known: dict[int, tuple[frozenset[int], frozenset[int]]] = {}  # what ran, and what of it addressed them

    async def meet(self) -> None:
        """Those who have come since the last sweep."""
        if new := self._hub.outlets.keys() - self._known.keys():
            live, found = await self._ask(list(new))
            self._known |= {inbox_id: (live, ids) for inbox_id, ids in found.items()}

    async def compare(self) -> None:
        live, found = await self._ask(list(self._hub.outlets))
        for inbox_id, ids in found.items():
            live_then, ids_then = self._known.get(inbox_id, (live, ids))
            if (ids ^ ids_then) & live & live_then:  # the others have begun or ended, which pages know of
                self._hub.look_anew(inbox_id)
        self._known = {inbox_id: (live, ids) for inbox_id, ids in found.items()}

    async def _ask(self, inbox_ids: list[int]) -> tuple[frozenset[int], Addressed]:
        return await database.audiences(inbox_ids, (self._hub.epoch, self._hub.board))
