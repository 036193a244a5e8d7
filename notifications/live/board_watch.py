"""The hub's part for the board: when a broadcast has changed, it reaches every page without a look at any inbox.

What an inbox was like is remembered from the last frame that was made for it. A page that has come as far as that, and
lacks nothing but news of the board, gets what all get who see the same, and its own numbers. The others are marked, and
read for.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from . import database
from .board_frames import News, Onlooker
from .outlet import Outlet
from .positions import Position
from .standing import Standing, View

if TYPE_CHECKING:
    from .hub import Hub

TURN = 200  # pages in a row, until others of this process have theirs
Page = tuple[Outlet, Position, Standing]


class BoardWatch:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._standings: dict[int, Standing] = {}  # of inboxes that have pages here
        self._views: WeakValueDictionary[View, View] = WeakValueDictionary()
        self._is_stale = False  # it was said to have changed
        self._has_news = False  # it has changed
        self._waking: asyncio.TimerHandle | None = None

    @property
    def has_work(self) -> bool:
        return self._is_stale or self._has_news

    def nudged(self, revision: int) -> None:
        """A broadcast has changed, it says. Before any page is looked at for it, the database is asked."""
        if revision > self._hub.board:
            self._is_stale = True
            self._hub.wake()

    def keep(self, inbox_id: int, standing: Standing) -> None:
        """How it was when a frame was made for it. Equal views are one object."""
        view = self._views.setdefault(standing.view, standing.view)
        if view is not standing.view:
            standing = Standing(standing.revision, standing.access, standing.unseen, standing.lists, view)
        self._standings[inbox_id] = standing

    def forget(self, inbox_id: int) -> None:
        self._standings.pop(inbox_id, None)

    def forget_all(self) -> None:
        self._standings.clear()

    async def flush(self) -> None:
        if self._is_stale:
            self._is_stale = False
            self._hub.note_board(*await database.board())
            self._has_news = True
        if self._has_news:
            self._has_news = False
            await self._tell()

    async def _tell(self) -> None:
        onlookers, others = self._sorted_out()
        self._hub.mark_dirty(others)
        if not onlookers:
            return
        access = {outlet.inbox_id: outlet.access for pages in onlookers.values() for outlet, _, _ in pages}
        news, changed = await database.news_for(list(onlookers), (self._hub.epoch, self._hub.board), access)
        for inbox_id in changed:  # a session of its reader may have ended before this was published
            self.forget(inbox_id)
        for onlooker, pages in onlookers.items():
            one = news[onlooker]
            for start in range(0, len(pages), TURN):
                self._give(pages[start : start + TURN], one)
                await asyncio.sleep(0)

    def _sorted_out(self) -> tuple[dict[Onlooker, list[Page]], set[int]]:
        """The pages that can be told now, by what they are told; and the inboxes to be read for the others."""
        onlookers: dict[Onlooker, list[Page]] = {}
        others: set[int] = set()
        soonest = 0.0
        for inbox_id, mine in self._hub.outlets.items():
            standing = self._standings.get(inbox_id)
            for outlet in mine:
                if not self._hub.lacks_board(outlet):
                    continue
                position = outlet.position
                is_known = standing is not None and position.since == standing.revision
                onlooker = Onlooker.at(position, standing.view) if is_known and standing else None
                if onlooker is None or standing is None:
                    others.add(inbox_id)
                elif wait := outlet.wait():
                    outlet.is_behind = True
                    soonest = min(soonest or wait, wait)
                else:
                    onlookers.setdefault(onlooker, []).append((outlet, position, standing))
        if soonest:
            self._look_again_in(soonest)
        return onlookers, others

    def look_again(self) -> None:
        """Some page lacks news of the board."""
        self._has_news = True
        self._hub.wake()

    def _look_again_in(self, seconds: float) -> None:
        """Pages that have had enough for now get what has changed until then."""
        if self._waking is None:
            self._waking = self._hub.later(seconds, self._look_again_now)

    def _look_again_now(self) -> None:
        self._waking = None
        self.look_again()

    def _give(self, pages: Iterable[Page], news: News | None) -> None:
        for outlet, position, standing in pages:
            if outlet.closed:
                continue
            is_known = self._standings.get(outlet.inbox_id) is not None
            if not is_known or outlet.access != standing.access:
                self._hub.sessions.suspect(outlet)
            elif news is None or position.bottom > news.lowest or outlet.position is not position or outlet.is_busy:
                self._hub.mark_dirty([outlet.inbox_id])
            else:
                numbers = news.numbers(standing, position.bottom)
                outlet.push_html(numbers, standing.revision, news.board, news.count, before=news.html)
                outlet.is_behind = False
                self._hub.reach.note(outlet.inbox_id, news.reached)
