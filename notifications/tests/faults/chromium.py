"""A handful of real pages beside the crowd: Chromium, driven from a thread of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from config.tests.chromium import CHROMIUM_FLAGS, chromium
from notifications.tests.browser.pages import without_scripts_work

from .crowd import Tree, are_equal_trees

PATIENCE = 60_000  # ms


def are_equal(pushed: str, fresh: str) -> bool:
    return are_equal_trees(Tree(without_scripts_work(pushed)), Tree(without_scripts_work(fresh)))


class Browser:
    """Every verb may be called from anywhere; Playwright stays in its thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pages: list[tuple[dict[str, Any], Page]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chromium")
        self._do(self._start)

    def _do(self, work: Callable[..., Any], *args: Any) -> Any:
        return self._thread.submit(work, *args).result(300)

    def _start(self) -> None:
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)

    def stop(self) -> None:
        self._do(self._stop)
        self._thread.shutdown()

    def _stop(self) -> None:
        self._chromium.close()
        self._playwright.stop()

    def open(self, reader: dict[str, Any]) -> None:
        self._do(self._open, reader)

    def _open(self, reader: dict[str, Any]) -> None:
        name, _, value = reader["cookie"].partition("=")
        context = self._chromium.new_context(locale="en")
        url = f"http://127.0.0.1:{self.port}"
        context.add_cookies([{"name": name, "value": value, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/inbox/")
        expect(page.locator("html[data-live=on]")).to_be_attached(timeout=PATIENCE)
        self.pages.append((reader, page))

    def close(self) -> None:
        self._do(self._close)

    def _close(self) -> None:
        for _, page in self.pages:
            page.context.close()
        self.pages = []

    def equals_a_reload(self, crowd: list[Any]) -> None:
        """Each comes to show what a reload shows, and the rows that the crowd's page of the same reader shows."""
        self._do(self._equals_a_reload, crowd)

    def _equals_a_reload(self, crowd: list[Any]) -> None:
        for reader, page in self.pages:
            twin = next(one for one in crowd if one.reader is reader)
            since, board = twin.stands_at()
            expect(page.locator("#cursor")).to_have_value(str(since), timeout=PATIENCE)
            expect(page.locator("#board")).to_have_value(str(board), timeout=PATIENCE)
            fresh = page.request.get(page.url).text()
            for _ in range(200):  # scripts finish a moment after the frame is in
                if are_equal(page.content(), fresh):
                    break
                page.wait_for_timeout(50)
            assert are_equal(page.content(), fresh)
            ids = page.locator("#feed .notification").evaluate_all("rows => rows.map(row => row.id)")
            there = [f"notification-{key}" for _, key in twin.rows()]
            shown = [one for one in ids if "-broadcast-" not in one]
            common = min(len(shown), len(there))  # one that was away for long has got the newest only
            assert shown[:common] == there[:common]
