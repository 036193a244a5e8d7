"""The hub's part for sessions: whose socket has to close, and who gets nothing until that is known.

An inbox's ``access`` grows with each change after which one of its reader's sessions may have ended. It is read with
what a frame is made of; an outlet that was looked at before it grew gets no such frame, but is looked at again. So
what was committed after a session's end does not reach its socket, however late the nudge about it comes; but for what
commits in the moment between two queries of one look, which the nudge is about to end.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import DatabaseError

from . import codes, database, sessions
from .outlet import Outlet

if TYPE_CHECKING:
    from .hub import Hub

log = logging.getLogger(__name__)

LOOK_SPACING = 0.05  # seconds between two looks; after an idle moment one comes at once


class SessionWatch:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._suspects: dict[Outlet, bool] = {}  # whether its reader has signed out, as far as we have heard
        self._wake = asyncio.Event()

    def nudged(self, inbox_id: int, ended: str) -> None:
        """However many come, one look answers them all; about readers who have no socket here there is none."""
        for outlet in self._hub.outlets.get(inbox_id, ()):
            self.suspect(outlet, bool(ended) and sessions.digest(outlet.session_key) == ended)

    def suspect(self, outlet: Outlet, has_signed_out: bool = False) -> None:
        self._suspects[outlet] = self._suspects.get(outlet, False) or has_signed_out
        self._wake.set()

    async def look_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.look()
            except DatabaseError as error:
                log.error("The database does not answer, and the sweep will look at sessions again: %s", error)
            except Exception:
                log.exception("A look at sessions failed; the sweep will look again.")
            await asyncio.sleep(LOOK_SPACING)

    async def look(self) -> None:
        suspects, self._suspects = self._suspects, {}
        await self.check(suspects, {outlet for outlet, has_signed_out in suspects.items() if has_signed_out})

    async def check(self, outlets: Iterable[Outlet], signed_out: Iterable[Outlet] = ()) -> None:
        """Close the sockets whose session has ended or is somebody else's now; the others get what was held back."""
        suspects = [outlet for outlet in outlets if not outlet.closed]
        if not suspects:
            return
        access, users = await database.sessions_standing(
            {outlet.inbox_id for outlet in suspects}, {outlet.session_key for outlet in suspects}
        )
        for outlet in suspects:
            user = users.get(outlet.session_key)
            if user is None or user.pk != outlet.user_id:
                await self._end(outlet, outlet in signed_out)
            elif outlet.access != access.get(outlet.inbox_id, outlet.access):
                outlet.access = access[outlet.inbox_id]
                self._hub.mark_dirty([outlet.inbox_id])
                self._hub.jobs.mark([outlet])
                self._hub.threads.mark([outlet])

    async def _end(self, outlet: Outlet, has_signed_out: bool) -> None:
        """1012 for a session that is gone: the page comes back at once with the cookie that it has by then.

        Only where we know that its reader signed out do we say so right away.
        """
        if outlet.closed:
            return
        self._hub.leave(outlet)
        if has_signed_out:
            self._hub.close(outlet, codes.SIGNED_OUT, await database.signed_out_notice(outlet.position))
        else:
            self._hub.close(outlet, codes.COME_BACK)
