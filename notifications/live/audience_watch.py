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
        self._live: frozenset[int] = frozenset()  # broadcasts to some, as of the last look
        self._addressed: Addressed = {}

    async def meet(self) -> None:
        """Those who have come since the last sweep."""
        if new := self._hub.outlets.keys() - self._addressed.keys():
            self._live, found = await self._ask(list(new))
            self._addressed |= found

    async def compare(self) -> None:
        live, found = await self._ask(list(self._hub.outlets))
        lasting = live & self._live  # the others have begun or ended, which pages know of
        for inbox_id, ids in found.items():
            if (ids ^ self._addressed.get(inbox_id, ids)) & lasting:
                self._hub.look_anew(inbox_id)
        self._live, self._addressed = live, found

    async def _ask(self, inbox_ids: list[int]) -> tuple[frozenset[int], Addressed]:
        return await database.audiences(inbox_ids, (self._hub.epoch, self._hub.board))
