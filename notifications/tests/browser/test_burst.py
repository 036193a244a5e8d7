"""A storm of notifications is merged on its way to the page, and told of calmly."""

import time

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify
from notifications.lists import PAGE_LENGTH

from .pages import is_caught_up, titles, up_to_date

WATCH = """
window.swaps = 0;
window.longTasks = [];
document.addEventListener("htmx:ws:before:message:incoming", event => {
  if (!String(event.detail.message?.data).startsWith("{")) window.swaps += 1;
});
new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(entry => Math.round(entry.duration))))
  .observe({ type: "longtask", buffered: true });
"""


@pytest.fixture
def page(window, bo):
    bos = window(bo)
    bos.context.add_init_script(WATCH)
    return bos.open()


def toasts(page):
    return page.locator("#toasts .toast p")


def test_two_hundred_at_once_are_few_swaps_and_the_right_number(window, bo, page):
    began = time.monotonic()
    for number in range(200):
        notify(bo, title=f"Number {number}")
    expect(page.locator("#count-all")).to_have_text("200")
    swaps = page.evaluate("window.swaps")
    assert swaps <= 10 + 4 * (time.monotonic() - began)  # 8 at once, then 4 a second: 50 in 10 s
    expect(page).to_have_title("(99+) Inbox · Belfry")
    newest_first = [f"Number {number}" for number in reversed(range(200))]
    shown = titles(page).all_inner_texts()  # a browser that is busy gets what is too much for a frame as a first page
    assert shown == newest_first[: len(shown)]
    assert len(shown) >= PAGE_LENGTH
    long = page.evaluate("window.longTasks")
    print(f"200 in {time.monotonic() - began:.1f} s: {swaps} swaps, {len(long)} long tasks, in ms: {long}")


def test_it_is_three_toasts_and_one_with_the_number_of_the_rest(page, bo):
    is_caught_up(page, bo)
    for number in range(199):
        notify(bo, title=f"Number {number}")
    expect(page.locator("#count-all")).to_have_text("200")
    expect(page.locator("#toast-more")).to_have_count(1)
    one_by_one = [text for text in toasts(page).all_inner_texts() if "more" not in text]
    assert 2 <= len(one_by_one) <= 3
    told = 200 if "Hello" in one_by_one else 199
    expect(toasts(page).last).to_have_text(f"{told - 3} more notifications")


def test_the_toasts_that_came_one_by_one_stay_beside_the_one_that_counts(page, bo):
    is_caught_up(page, bo)
    page.locator("#toasts").evaluate("box => box.replaceChildren()")
    for number in range(9):
        notify(bo, title=f"Number {number}")
    expect(page.locator("#count-all")).to_have_text("10")
    expect(page.locator("#toast-more")).to_have_count(1)
    expect(toasts(page).first).to_have_text("Number 0")


def test_it_waits_while_somebody_looks_and_an_error_until_it_is_dismissed(window, bo):
    bos = window(bo)
    bos.context.clock.install()
    page = is_caught_up(bos.open(), bo)
    notify(bo, title="Broken", key="broken", level="error")
    notify(bo, title="Fine", key="fine")
    expect(page.locator("#toast-fine")).to_be_visible()
    page.locator("#toast-fine").hover()
    page.clock.fast_forward("00:20")
    expect(page.locator("#toast-fine")).to_be_visible()
    page.mouse.move(1, 1)
    page.locator("#toast-fine a").focus()
    page.clock.fast_forward("00:20")
    expect(page.locator("#toast-fine")).to_be_visible()
    page.locator("#bell-button").focus()
    page.clock.fast_forward("00:20")
    expect(page.locator("#toast-fine")).to_have_count(0)
    page.locator("#toast-broken [data-dismiss]").press("Enter")
    expect(page.locator("#toast-broken")).to_have_count(0)
    expect(page.locator("#main")).to_be_focused()


def test_it_can_be_switched_off(window, bo):
    bos = window(bo)
    settings = bos.open("/inbox/preferences/", live=False)
    settings.get_by_role("switch", name="Notes in the corner").click()
    expect(settings.get_by_role("switch", name="Notes in the corner")).not_to_be_checked()
    bos.context.add_init_script("document.addEventListener('DOMContentLoaded', () => {" + RECORD + "})")
    page = is_caught_up(bos.open(), bo)
    notify(bo, title="Quiet", key="quiet")
    up_to_date(page, bo)
    assert "toast-quiet" in page.evaluate("window.toasted")
    assert page.locator("#toasts .toast").count() == 0


RECORD = """
window.toasted = [];
new MutationObserver(changes =>
  window.toasted.push(...changes.flatMap(change => [...change.addedNodes]).map(one => one.id)))
  .observe(document.getElementById("toasts"), { childList: true });
"""


def test_what_stands_in_the_open_bell_is_no_toast(page, bo):
    is_caught_up(page, bo)
    expect(page.locator("#toasts .toast")).to_have_count(0, timeout=30_000)
    page.locator("#bell-button").click()
    expect(titles(page, "#bell-list")).to_have_text(["Hello"])
    notify(bo, title="Seen at once")
    expect(titles(page, "#bell-list").first).to_have_text("Seen at once")
    up_to_date(page, bo)
    assert page.locator("#toasts .toast").count() == 0
