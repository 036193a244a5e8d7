"""Looking at pages: what they show, whether they are up to date, and the frames that they got."""

import re
import time
from typing import Any

from playwright.sync_api import Locator, Page, expect

from notifications.delivery import notify
from notifications.models import Inbox
from notifications.testing.dom import Document
from notifications.testing.page import PATIENCE

NEW_ICON, ICON = re.compile("favicon-new"), re.compile("favicon[^-]*$")


def rows(page: Page, list_: str = "#feed") -> Locator:
    return page.locator(f"{list_} .notification")


def row(page: Page, key: str) -> Locator:
    return page.locator(f"#notification-{key}")


def titles(page: Page, list_: str = "#feed") -> Locator:
    return page.locator(f"{list_} .notification h3 a")


def open_bell(page: Page) -> Locator:
    page.locator("#bell-button").click()
    expect(page.locator("#bell")).to_be_visible()
    return page.locator("#bell")


def is_caught_up(page: Page, user: Any) -> Page:
    """It has had its first frame: from now on arrivals are news to it, and are toasted."""
    notify(user, title="Hello")
    expect(page.locator("#badge")).to_have_text("1")
    return page


def up_to_date(page: Page, user: Any) -> None:
    """Wait until the page stands where its reader's inbox stands."""
    revision = Inbox.objects.get(user=user).revision
    expect(page.locator("#cursor")).to_have_value(str(revision))


def shown(html: str) -> dict[str, object]:
    """Everything about notifications that a page holds, in the words of the test kit."""
    return Document(without_scripts_work(html)).shown()


def without_scripts_work(html: str) -> str:
    """Without what scripts add to rows: which of them Tab reaches, which wait behind the button for new ones, whose a
    message is and what it goes on with, and relative times, which are freshened a moment after each frame.
    """
    html = re.sub(r'(?<= )tabindex="0"', 'tabindex="-1"', html)
    html = re.sub(r"(<time [^>]*data-relative[^>]*>)[^<]*", r"\1", html)
    return re.sub(r' (data-word="[^"]*"|hidden=""|data-own=""|data-follows="")', "", html)


def equals_a_reload(page: Page, user: Any) -> bool:
    """Whether it comes to show what a page shows that is loaded now. Scripts finish a moment after the frame is in."""
    up_to_date(page, user)
    fresh = shown(page.request.get(page.url).text())
    deadline = time.monotonic() + PATIENCE
    while shown(page.content()) != fresh and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert shown(page.content()) == fresh
    return True


class Frames(list[str]):
    """What the sockets of a page bring, from now on. Heartbeats are left out."""

    def __init__(self, page: Page) -> None:
        page.on("websocket", lambda socket: socket.on("framereceived", self._take))

    def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, str) and not frame.startswith("{"):
            self.append(frame)
