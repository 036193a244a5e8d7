"""The bell: what it says, what opening it does, and what can be done in it."""

import re

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify

from .pages import ICON, NEW_ICON, open_bell, row, rows, titles


def test_opening_it_marks_as_seen_the_number_goes_and_the_rows_stay_unread(window, bo):
    notify(bo, title="Lunch is ready", key="lunch")
    bos = window(bo)
    page, other = bos.open(), bos.open()
    open_bell(page)
    expect(titles(page, "#bell-list")).to_have_text(["Lunch is ready"])
    for tab in (page, other):
        expect(tab.locator("#badge")).to_be_hidden()
        expect(tab).to_have_title("Inbox · Belfry")
        expect(tab.locator("#favicon")).to_have_attribute("href", ICON)
        expect(row(tab, "lunch")).to_have_attribute("data-state", "unread")


def test_what_comes_while_it_is_open_stands_in_it(window, bo):
    page = window(bo).open("/inbox/preferences/")
    bell = open_bell(page)
    expect(bell.locator(".bell-empty, #bell-list")).not_to_have_count(0)
    notify(bo, title="First")
    notify(bo, title="Second")
    expect(titles(page, "#bell-list")).to_have_text(["Second", "First"])
    page.keyboard.press("Escape")
    expect(bell).to_be_hidden()


def test_a_click_on_an_item_opens_its_link_and_marks_it_read(window, bo):
    notify(bo, title="Your settings", url="/inbox/preferences/", key="settings")
    bos = window(bo)
    page, other = bos.open(), bos.open()
    open_bell(page).get_by_role("link", name="Your settings").click()
    expect(page).to_have_url(re.compile("/inbox/preferences/$"))
    expect(row(other, "settings")).to_have_attribute("data-state", "read")
    expect(page.locator("#badge")).to_be_hidden()


def test_an_item_without_a_link_opens_on_a_page_of_its_own(window, bo):
    notify(bo, title="A letter", body="Dear Bo,\n\nit is long.", key="letter")
    page = window(bo).open()
    titles(page).click()
    expect(page).to_have_url(re.compile("/inbox/letter/$"))
    expect(page.get_by_role("heading", name="A letter")).to_be_visible()
    expect(page.locator("#item-letter")).to_have_attribute("data-state", "read")


def test_an_items_own_page_follows_what_happens_to_it_elsewhere(window, bo, inbox):
    notify(bo, title="A letter", key="letter")
    page = window(bo).open("/inbox/letter/")
    inbox.mark_unread("letter")
    expect(page.locator("#item-letter")).to_have_attribute("data-state", "unread")
    page.get_by_role("button", name="Mark as read").click()
    expect(page.locator("#item-letter")).to_have_attribute("data-state", "read")


def test_mark_all_read_in_it_reads_the_rows_of_every_tab(window, bo):
    for title in ("One", "Two"):
        notify(bo, title=title)
    bos = window(bo)
    page, other = bos.open(), bos.open("/inbox/?view=unread")
    open_bell(page).get_by_role("button", name="Mark all read").click()
    expect(page.locator("#bell-list .notification[data-state=read]")).to_have_count(2)
    expect(page.locator("#feed .notification[data-state=read]")).to_have_count(2)
    expect(rows(other)).to_have_count(0)


def test_a_row_can_be_archived_in_it(window, bo):
    notify(bo, title="One", key="one")
    page = window(bo).open()
    open_bell(page)
    page.locator("#bell-archive-one").click()
    expect(rows(page, "#bell-list")).to_have_count(0)
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#bell")).to_be_visible()


@pytest.mark.parametrize("failure", ["refused", "error"])
def test_when_its_list_cannot_be_loaded_it_says_so(window, bo, failure):
    page = window(bo).open()
    page.route("**/inbox/seen/", lambda route: route.abort() if failure == "refused" else route.fulfill(status=500))
    bell = open_bell(page)
    expect(bell.get_by_text("could not be loaded")).to_be_visible()
    expect(page.locator("#alerts .toast")).to_have_count(0)


def test_a_hundred_new_ones_are_99_and_more(window, bo):
    for number in range(100):
        notify(bo, title=f"Number {number}")
    page = window(bo).open()
    expect(page.locator("#badge")).to_have_text("99+")
    expect(page).to_have_title("(99+) Inbox · Belfry")
    expect(page.locator("#favicon")).to_have_attribute("href", NEW_ICON)
