"""What has become of a fault: every page against the database and against a reload, and the row that says so."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from config.tests.site import eventually

from .chromium import Browser
from .crowd import Crowd, Failure, Page, Tree, are_equal_trees
from .house import House
from .table import tell
from .writer import PATIENCE, Failed, Writer


@dataclass
class Doing:
    """Something that goes on meanwhile."""

    end: Callable[[], object]


class Trial:
    """One fault, and the pages that it happens to."""

    def __init__(self, name: str, house: House, crowd: Crowd, writer: Writer, browser: Browser | None) -> None:
        self.name, self.house, self.crowd, self.writer, self.browser = name, house, crowd, writer, browser
        self.pages: list[Page] = []
        self.committed: list[tuple[int, str, float]] = []  # user, key, when
        self.failed = 0
        self.remarks: list[str] = []
        self.found: Any = None  # missing, doubled, seconds until all was right
        self.healed_at = time.monotonic()
        self._failures_before = len(crowd.failures)

    def watch(self, readers: list[dict[str, Any]], tabs: int = 1) -> list[Page]:
        """Open their pages, and wait until each is live and knows it."""
        pages = self.crowd.open(readers, tabs)
        self.pages += pages
        eventually(lambda: all(page.is_live for page in pages), "the pages are live", PATIENCE)
        for reader in readers[:2]:
            if self.browser:
                self.browser.open(reader)
        return pages

    def send(self, user: int, key: str) -> tuple[str, float]:
        key, at = self.writer.send(user, key)
        self.committed.append((user, key, at))
        return key, at

    def send_each(self, users: list[int], keys: list[str], seconds: float = 0.0) -> None:
        """Committed one after the other, over so many seconds."""
        self.note(self.writer.send_each(users, keys, seconds))

    def begin_to_send(self, users: list[int], keys: list[str], seconds: float) -> "Doing":
        """The same, meanwhile."""
        return self.begin("send_each", users, keys, seconds)

    def begin(self, verb: str, *arguments: Any) -> "Doing":
        """What the writer does, and what it has committed by that."""
        writing = self.writer.begin(verb, *arguments)
        return Doing(lambda: self.note(writing.result(PATIENCE)))

    def note(self, sent: list[list[Any]]) -> None:
        self.committed += [(user, key, at) for user, key, at in sent]

    def keep_asking(self, reader: dict[str, Any]) -> "Doing":
        """Ask for a page and change a setting, again and again, until the end. What fails is counted by the crowd."""
        over = threading.Event()

        def ask() -> None:
            while not over.wait(0.2):
                with suppress(Failure):
                    self.crowd.get(reader, "/inbox/preferences/")
                    self.crowd.ask("POST", reader, "/inbox/preferences/toasts/on/", {})

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        return Doing(lambda: (over.set(), asking.join()))

    def heal(self) -> None:
        """From now on it is counted how long it takes until all is right."""
        self.healed_at = time.monotonic()

    def end(self, *doings: "Doing") -> None:
        """Every page has exactly what the database has, and what a reload shows, when all these are done."""
        for doing in doings:
            doing.end()
        if doings:
            self.heal()
        if self.found is None:
            self.pages_are_right()
        missing, doubled, seconds = self.found
        row = [self.name, len(self.committed), missing, doubled, f"{seconds:.1f} s", self.slowest(), self.failed]
        tell(tuple(f"{one:,}" if isinstance(one, int) else one for one in row))
        for remark in self.remarks:
            tell(("  " + remark,))
        assert (missing, doubled) == (0, 0), f"{self.name}: {missing} missing, {doubled} doubled"

    def pages_are_right(self) -> None:
        """Wait until they are, and look. A row is told even where they are not."""
        inboxes = sorted({page.reader["inbox"] for page in self.pages})
        what = f"{self.name}: pages stand where the database stands"
        eventually(lambda: self.stand_where_the_database_stands(inboxes), what, PATIENCE)
        seconds = time.monotonic() - self.healed_at
        self.failed += len(self.crowd.failures) - self._failures_before
        missing, doubled = self.compare_with(dict(self.writer.truth(inboxes)["rows"]))
        self.found = missing, doubled, seconds
        self.equal_a_reload()
        if self.browser:
            self.browser.equals_a_reload(self.pages)

    def stand_where_the_database_stands(self, inboxes: list[int]) -> bool:
        try:
            now = self.writer.standing(inboxes)
        except Failed:  # the database is not back yet
            return False
        revisions = dict(now["revisions"])
        behind = lambda page: page.stands_at() != (revisions[page.reader["inbox"]], now["board"])  # noqa: E731
        return not now["pending"] and not self.crowd.do(lambda: any(map(behind, self.pages)))

    def compare_with(self, rows: dict[int, list[list[Any]]]) -> tuple[int, int]:
        """How many committed ones are missing, and how many stand twice or were announced twice."""
        of_user: dict[int, set[str]] = {}
        for user, key, _ in self.committed:
            of_user.setdefault(user, set()).add(key)
        missing = doubled = 0
        for page in self.pages:
            shown = self.crowd.do(page.rows)
            keys = [key for _, key in shown]
            bottom = page.document.bottom
            there = [(arrival, key) for arrival, key in rows[page.reader["inbox"]] if arrival >= bottom]
            lost = of_user.get(page.reader["user"], set()) - {key for _, key in rows[page.reader["inbox"]]}
            missing += len({key for _, key in there} - set(keys)) + len(lost)
            doubled += len(keys) - len(set(keys)) + sum(count > 1 for count in page.toasts.values())
            assert shown == there or missing or doubled, f"{self.name}: another order, or too much, on a page"
        return missing, doubled

    def equal_a_reload(self) -> None:
        self._failures_before = len(self.crowd.failures)
        for page, fresh in zip(self.pages, self.crowd.fresh(self.pages), strict=True):
            pushed = self.crowd.do(lambda page=page: Tree(page.document.source()))
            assert are_equal_trees(pushed, fresh), self.name

    def slowest(self) -> str:
        """From a commit to the last of its reader's pages."""
        pages: dict[int, list[Page]] = {}
        for page in self.pages:
            pages.setdefault(page.reader["user"], []).append(page)
        waits = [
            page.came[key] - at for user, key, at in self.committed for page in pages.get(user, ()) if key in page.came
        ]
        return f"{max(waits):.1f} s" if waits else "–"
