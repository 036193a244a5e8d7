"""Acts on rows, and what the page says when one fails."""

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify

from .pages import row, rows, titles


def test_what_was_archived_comes_back_from_the_archive(window, bo):
    for title in ("One", "Two", "Three"):
        notify(bo, title=title, key=title.lower())
    bos = window(bo)
    page, archive = bos.open(), bos.open("/inbox/?view=archived")
    page.locator("#notification-archive-two").click()
    expect(titles(page)).to_have_text(["Three", "One"])
    archive.locator("#notification-unarchive-two").click()
    expect(rows(archive)).to_have_count(0)
    expect(titles(page)).to_have_text(["Three", "Two", "One"])


def test_mark_all_read(window, bo):
    for title in ("One", "Two"):
        notify(bo, title=title)
    page = window(bo).open()
    page.locator("#mark-all-read").click()
    expect(page.locator("#feed .notification[data-state=read]")).to_have_count(2)
    expect(page.locator("#count-unread")).to_have_text("0")
    expect(page.locator("#badge")).to_be_hidden()


def test_archive_all_asks_first(window, bo):
    for title in ("One", "Two"):
        notify(bo, title=title)
    page = window(bo).open()
    page.locator("#archive-all-button").click()
    page.get_by_role("button", name="Cancel").press("Enter")
    expect(rows(page)).to_have_count(2)
    page.locator("#archive-all-button").click()
    page.locator("#archive-all").click()
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#archive-all-confirm")).to_be_hidden()
    expect(page.locator("#count-archived")).to_have_text("2")


@pytest.mark.parametrize(
    ("status", "words"), [(0, "cannot be reached"), (403, "no longer allowed"), (404, "not there"), (500, "could not")]
)
def test_an_act_that_fails_says_so_and_leaves_the_row_alone(window, bo, status, words):
    notify(bo, title="One", key="one")
    page = window(bo).open()
    page.route("**/archive/", lambda route: route.fulfill(status=status) if status else route.abort())
    page.locator("#notification-archive-one").click()
    expect(page.locator("#alerts")).to_contain_text(words)
    expect(row(page, "one")).to_be_visible()


def test_a_row_that_changed_elsewhere_keeps_its_buttons_working(window, bo, inbox):
    notify(bo, title="One", key="one")
    page = window(bo).open()
    inbox.mark_read("one")
    page.locator("#notification-unread-one").click()
    expect(row(page, "one")).to_have_attribute("data-state", "unread")
    page.locator("#notification-read-one").click()
    expect(row(page, "one")).to_have_attribute("data-state", "read")


def test_a_second_click_on_a_slow_line_does_no_harm(window, bo):
    notify(bo, title="One", key="one")
    page = window(bo).open()
    page.locator("#notification-archive-one").dblclick()
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#alerts .toast")).to_have_count(0)
