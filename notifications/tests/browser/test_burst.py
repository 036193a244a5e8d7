"""A storm of notifications is merged on its way to the page."""

import time

from playwright.sync_api import expect

from notifications.delivery import notify

from .conftest import is_live
from .pages import Frames, titles


def test_two_hundred_at_once_are_few_swaps_and_the_right_number(window, bo):
    page = window(bo).context.new_page()
    frames = Frames(page)
    page.goto(window.url + "/inbox/")
    is_live(page)
    began = time.monotonic()
    for number in range(200):
        notify(bo, title=f"Number {number}")
    expect(page.locator("#count-all")).to_have_text("200")
    assert len(frames) <= 10 + 4 * (time.monotonic() - began)  # 8 at once, then 4 a second: 50 in 10 s
    expect(page).to_have_title("(99+) Inbox · Belfry")
    expect(page.locator("#toasts .toast")).to_have_count(3)
    assert titles(page).all_inner_texts() == [f"Number {number}" for number in reversed(range(200))]
