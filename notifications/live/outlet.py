"""An outlet: the hub's end of one socket. It holds positions, not waiting HTML, so its memory is bounded."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from . import codes, metrics
from .frames import Frame
from .job_frames import JobFrame
from .job_positions import JobPosition
from .positions import Position
from .thread_frames import ThreadFrame
from .thread_positions import NO_THREAD, ThreadPosition
from .wires import Write

log = logging.getLogger(__name__)

BURST = 8  # frames at once, then FRAMES_PER_SECOND
TOAST_WINDOW = 10.0  # seconds without news, after which toasts come one by one again
UNACKNOWLEDGED_LIMIT = 256 * 1024  # bytes in flight, after which a page gets nothing more until it answers
UNACKNOWLEDGED_SECONDS = 30.0  # for which it may keep the hub waiting at that limit
RECEIPT = 'id="receipt" value="{}"'  # empty in each frame that is made; what is written about is escaped
NO_RECEIPT = RECEIPT.format("")
RECEIPTS_AT_ONCE = 256  # the system is asked for so many
JOB_FRAMES = 4  # of jobs in any second, as it is measured at the other end
JOB_WINDOW = 1.05  # seconds
JOB_SPACING = 0.15  # seconds between two of them, at least
LIFETIME = (30 * 60.0, 60 * 60.0)  # seconds after which a socket is renewed, spread at random


def receipts() -> Iterator[str]:
    """Nobody guesses one: 16 random hexadecimal digits each."""
    while True:
        many = secrets.token_hex(8 * RECEIPTS_AT_ONCE)
        yield from (many[at : at + 16] for at in range(0, len(many), 16))


RECEIPTS = receipts()


class Outlet:
    """Where one page stands, whether it may get a frame now, and the way to it."""

    def __init__(
        self,
        *,
        inbox_id: int,
        access: int,
        user_id: object,
        session_key: str,
        position: Position,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int], Awaitable[None]],
        frames_per_second: float,
        write: Write | None = None,
        jobs: JobPosition | None = None,
        thread: ThreadPosition | None = None,
    ):
        self.inbox_id = inbox_id
        self.access = access
        self.user_id = user_id
        self.session_key = session_key
        self.position = position
        self.jobs = jobs or JobPosition(inbox_id=inbox_id, user_id=user_id)
        self.thread = thread or NO_THREAD
        self.is_in_thread = False  # whether its reader was found to be
        self.thread_listed_at: int | None = None  # the revision of the last whole page of messages that was sent
        self._jobs_at: list[float] = []  # when it got its last frames of jobs; lists, as an empty deque takes 600 bytes
        self.is_behind = True
        self.closed = False
        self.opened_at = time.monotonic()
        self.renew_at = self.opened_at + random.uniform(*LIFETIME)
        self._send, self._close, self._write_now = send, close, write
        self._rate = frames_per_second
        self._tokens, self._tokens_at = float(BURST), self.opened_at
        self._news_at = self.opened_at
        self._unacknowledged: list[tuple[str, int]] = []  # (receipt of the frame, its bytes)
        self.unacknowledged_bytes = 0
        self._full_since: float | None = None
        self._listed_at: int | None = None  # the revision of the last full list that was sent
        self._sent = 0  # and of the last frame
        self._sending: asyncio.Task[None] | None = None
        self._busy_since: float | None = None
        self.ended: asyncio.Task[None] | None = None

    def wait(self) -> float:
        """Seconds until it may get a frame: 0 is now. What comes meanwhile is merged into that frame."""
        if self._sending or self._full_since is not None:
            return 0.5
        self._refill()
        self._end_storm()
        return 0.0 if self._tokens >= 1 or not self._rate else (1 - self._tokens) / self._rate

    def wait_for_jobs(self) -> float:
        """Seconds until it may get a frame of jobs: 0 is now. They leave its other frames alone."""
        if self._sending or self._full_since is not None:
            return JOB_SPACING
        moment, past = time.monotonic(), self._jobs_at
        free = [past[-1] + JOB_SPACING] if past else []
        free += [past[0] + JOB_WINDOW] if len(past) == JOB_FRAMES else []
        return max(0.0, *(at - moment for at in free), 0.0)

    def _refill(self) -> None:
        moment = time.monotonic()
        self._tokens = min(BURST, self._tokens + (moment - self._tokens_at) * self._rate)
        self._tokens_at = moment

    def _end_storm(self) -> None:
        if self.position.toasted and time.monotonic() - self._news_at > TOAST_WINDOW:
            self.position = self.position.moved(toasted=0)

    def acknowledge(self, said: Position, receipt: str) -> bool:
        """The page has sent its form again. True when it now lacks something that it did not lack before.

        The hub knows better how far it has sent; only what the page shows is taken from the form. What it has loaded by
        itself, older items or the list of the bell, is as old as its rendering: the changes since then are sent again,
        which is no news. A form from before the last full list arrived says nothing of the list that is shown by now.
        """
        self._take_receipt(receipt)
        if self._listed_at is not None and not self._listed_at <= (said.since or 0) <= self._sent:
            said = replace(said, bottom=self.position.bottom)
        since, board = self.position.since, self.position.board
        has_moved = (said.bottom, said.view) != (self.position.bottom, self.position.view)
        is_older = said.lacks_from < (said.since or 0) or said.lacks_board_from < (said.board or 0)
        lacks = has_moved or is_older
        if lacks:
            is_known = None not in (since, said.since, said.board) and said.view == self.position.view
            since = min(since or 0, said.lacks_from) if is_known else None
            board = min(board or 0, said.lacks_board_from)
        self.position = replace(
            said,
            since=since,
            board=board,
            loaded_at=None,
            loaded_board=None,
            may_toast=self.position.may_toast and not lacks,
            toasted=self.position.toasted,
        )
        return lacks

    def _take_receipt(self, receipt: str) -> None:
        """What had been sent up to that frame has been read. Nobody can know a receipt without having read it."""
        if any(receipt == one for one, _ in self._unacknowledged):
            read = ""
            while read != receipt:
                read, size = self._unacknowledged.pop(0)
                self.unacknowledged_bytes -= size
        if self._full_since is not None and self.unacknowledged_bytes < UNACKNOWLEDGED_LIMIT:
            self._full_since = None

    def look_anew(self) -> None:
        """What the page shows is not known any more: it gets the full list."""
        self.position = self.position.moved(since=None)

    def forget(self) -> None:
        """What the page holds means nothing any more, and nor will its acknowledgements of that."""
        self.look_anew()
        self._unacknowledged.clear()
        self.unacknowledged_bytes = 0
        self._full_since = None

    def is_stuck(self) -> bool:
        """Whether the page has not answered for too long while much was on its way, or has not taken what was sent."""
        if self._full_since is None and self._busy_since is None:
            return False
        waiting = [since for since in (self._full_since, self._busy_since) if since is not None]
        return time.monotonic() - min(waiting) > UNACKNOWLEDGED_SECONDS

    def push(self, frame: Frame) -> None:
        """Send a frame without waiting for it. The page stands at its revision from now on."""
        if frame.bottom is not None:
            self.position = self.position.moved(bottom=frame.bottom)
            self._listed_at = frame.revision
        self.position = self.position.moved(may_toast=True)
        self.push_html(frame.html, frame.revision, frame.board, frame.news)

    def push_html(self, html: str, revision: int, board: int, news: int, *, before: bytes = b"") -> None:
        """``before`` is what others get as well, encoded once for all. News of the board alone make no page live that
        is still to catch up with its inbox: what it has missed there is not news."""
        self.position = self.position.moved(
            since=revision,
            board=board,
            loaded_at=None,
            loaded_board=None,
            toasted=self.position.toasted + news,
        )
        if news:
            self._news_at = time.monotonic()
        self._sent = revision
        self._tokens -= 1
        self._send_frame(html, before)

    def tell(self, html: str) -> None:
        """Send something beside what it lacks: the page stays where it stands."""
        self._send_frame(html)

    @property
    def last_receipt(self) -> str:
        """Of the last frame that was sent."""
        return self._unacknowledged[-1][0]

    def awaits(self, receipt: str) -> bool:
        return any(receipt == one for one, _ in self._unacknowledged)

    def push_jobs(self, frame: JobFrame) -> None:
        self._note_jobs()
        self._send_frame(frame.html)

    def push_thread(self, frame: ThreadFrame) -> None:
        self.thread = frame.position
        if frame.is_full:
            self.thread_listed_at = frame.position.at
        self._tokens -= 1
        self._send_frame(frame.html)

    def _note_jobs(self) -> None:
        self._jobs_at = [*self._jobs_at, time.monotonic()][-JOB_FRAMES:]

    def _send_frame(self, html: str, before: bytes = b"") -> None:
        """Without waiting for it, and with a receipt that the page gives back when it has read it."""
        receipt = next(RECEIPTS)
        text = before + html.replace(NO_RECEIPT, RECEIPT.format(receipt)).encode()
        size = len(text)
        self._unacknowledged.append((receipt, size))
        self.unacknowledged_bytes += size
        metrics.FRAMES.inc()
        metrics.FRAME_BYTES.inc(size)
        if self.unacknowledged_bytes >= UNACKNOWLEDGED_LIMIT:
            self._full_since = time.monotonic()
        self.write(text)

    def caught_up(self) -> None:
        """Nothing is missing: from now on arrivals are news."""
        self.is_behind = False
        if not self.position.may_toast:
            self.position = self.position.moved(may_toast=True)

    def write(self, text: bytes) -> None:
        """Hand a text to the socket. One that is still busy with the last one never makes anybody wait."""
        if self._write_now:
            self._write_now(text)
            return
        self._busy_since = time.monotonic()
        self._sending = asyncio.get_running_loop().create_task(self._write(text))

    async def _write(self, text: bytes) -> None:
        try:
            await self._send(text.decode())
        except Exception:
            # The page lacks a frame that we believe it has: only a new socket with a new position mends that.
            if not self.closed:
                log.exception("A socket could not be written to; its page is sent away to come back.")
                self.close(codes.COME_BACK_LATER)
        finally:
            self._sending = self._busy_since = None

    @property
    def is_busy(self) -> bool:
        return self._sending is not None

    def close(self, code: int, last_words: str = "") -> None:
        """Close the socket, after a last frame where there is one to send. Nobody waits for it, but see ``ended``."""
        if self.closed:
            return
        self.closed = True
        metrics.CLOSES.labels(code).inc()
        self.ended = asyncio.get_running_loop().create_task(self._end(code, last_words))

    async def _end(self, code: int, last_words: str) -> None:
        try:
            if last_words:
                await self._send(last_words)
            await self._close(code)
        except Exception as error:  # the browser is gone, which is what we wanted
            log.debug("A socket could not be closed in order: %r", error)
