"""Without JavaScript everything works by forms and links."""

import re

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify

from .pages import row, rows, titles


@pytest.fixture
def page(window, bo):
    for number in range(3):
        notify(bo, title=f"Number {number}", key=f"n{number}")
    return window(bo, java_script_enabled=False).open(live=False)


def test_an_item_is_read_unread_archived_and_brought_back(page):
    page.locator("#notification-read-n1").click()
    expect(row(page, "n1")).to_have_attribute("data-state", "read")
    page.locator("#notification-unread-n1").click()
    expect(row(page, "n1")).to_have_attribute("data-state", "unread")
    page.locator("#notification-archive-n1").click()
    expect(titles(page)).to_have_text(["Number 2", "Number 0"])
    page.get_by_role("link", name="Archived").click()
    page.locator("#notification-unarchive-n1").click()
    expect(page).to_have_url(re.compile("view=archived"))
    expect(rows(page)).to_have_count(0)


def test_all_at_once(page):
    page.locator("#mark-all-read").click()
    expect(page.locator("#feed .notification[data-state=read]")).to_have_count(3)
    page.locator("#archive-all-button").click()
    page.locator("#archive-all").click()
    expect(rows(page)).to_have_count(0)


def test_a_click_opens_the_item(page, bo):
    notify(bo, title="Your settings", url="/inbox/preferences/", key="settings")
    page.reload()
    titles(page).first.click()
    expect(page).to_have_url(re.compile("/inbox/preferences/$"))
    page.go_back()
    expect(row(page, "settings")).to_have_attribute("data-state", "read")


def test_the_bell_leads_to_the_inbox_and_counts(page):
    page.goto(page.url + "preferences/")
    expect(page.locator("#bell-link .badge")).to_have_text("3")
    page.locator("#bell-link").click()
    expect(page).to_have_url(re.compile("/inbox/$"))


def test_filters_and_older_ones_are_links(page, bo):
    for number in range(40):
        notify(bo, title=f"More {number}", category="people")
    page.reload()
    page.get_by_role("link", name="Older notifications").click()
    expect(titles(page).last).to_have_text("Number 0")
    page.get_by_role("link", name="Back to the newest").click()
    page.get_by_role("link", name="General").click()
    expect(titles(page)).to_have_text(["Number 2", "Number 1", "Number 0"])


def test_a_category_is_switched_off_and_on(page):
    page.goto(page.url + "preferences/")
    switch = page.get_by_role("switch", name="People")
    switch.click()
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()


def test_signing_out_and_in(page):
    page.locator("#account-button").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Username").fill("bo")
    page.get_by_label("Password").fill("belfry-demo")
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(titles(page).last).to_have_text("Number 0")
