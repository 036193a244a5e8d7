"""A keyboard is enough, and the focus is never lost."""

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify, retract

from .pages import open_bell, row, rows


@pytest.fixture
def page(window, bo):
    for number in range(3):
        notify(bo, title=f"Number {number}", key=f"n{number}")
    return window(bo).open()


def test_tab_reaches_every_control(page):
    controls = page.locator("a:visible, button:visible").all()
    wanted = {control.get_attribute("id") or control.get_attribute("href") for control in controls}
    reached = set()
    for _ in range(len(controls) + 5):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count():
            reached.add(focused.get_attribute("id") or focused.get_attribute("href"))
    assert wanted - reached == set()


def test_the_focus_stays_on_the_button_whose_row_was_replaced(page, bo, inbox):
    page.locator("#notification-archive-n1").focus()
    inbox.mark_read("n1")
    expect(row(page, "n1")).to_have_attribute("data-state", "read")
    expect(page.locator("#notification-archive-n1")).to_be_focused()


def test_the_focus_stays_in_its_place_when_a_button_changes_its_meaning(page):
    page.locator("#notification-read-n1").press("Enter")
    expect(page.locator("#notification-unread-n1")).to_be_focused()
    page.locator("#notification-unread-n1").press("Enter")
    expect(page.locator("#notification-read-n1")).to_be_focused()


def test_archiving_moves_the_focus_to_the_next_row(page):
    page.locator("#notification-archive-n1").press("Enter")
    expect(rows(page)).to_have_count(2)
    expect(row(page, "n0")).to_be_focused()


def test_archiving_the_last_row_moves_it_to_the_one_above(page):
    page.locator("#notification-archive-n0").press("Enter")
    expect(row(page, "n1")).to_be_focused()


def test_archiving_the_only_row_moves_it_to_the_heading(page, bo):
    retract(bo, "n1")
    retract(bo, "n2")
    expect(rows(page)).to_have_count(1)
    page.locator("#notification-archive-n0").press("Enter")
    expect(page.locator("#feed-heading")).to_be_focused()


def test_an_arrival_does_not_take_the_focus(page, bo):
    page.locator("#notification-archive-n1").focus()
    notify(bo, title="The newest")
    expect(rows(page)).to_have_count(4)
    expect(page.locator("#notification-archive-n1")).to_be_focused()


def test_the_bell_opens_closes_and_gives_the_focus_back(page):
    page.locator("#bell-button").press("Enter")
    expect(page.locator("#bell")).to_be_visible()
    expect(rows(page, "#bell-list")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator("#bell")).to_be_hidden()
    expect(page.locator("#bell-button")).to_be_focused()


def test_archiving_in_the_bell_keeps_it_open_and_the_focus_in_it(page):
    open_bell(page)
    page.locator("#bell-archive-n2").press("Enter")
    expect(rows(page, "#bell-list")).to_have_count(2)
    expect(page.locator("#bell-n1")).to_be_focused()


def test_the_first_tab_offers_to_skip_to_the_content(page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_an_arrival_is_said_in_a_live_region_that_stays(page, bo):
    region = page.locator("#bell-status").element_handle()
    notify(bo, title="The newest")
    expect(page.get_by_role("status").filter(has_text="4 new notifications")).to_have_count(1)
    assert region.inner_text() == "4 new notifications"


@pytest.mark.parametrize("switch", ["category-general-switch", "show-toasts-switch"])
def test_a_switch_that_was_pressed_has_the_focus_again(window, bo, switch):
    page = window(bo).open("/inbox/preferences/")
    button = page.locator(f"#{switch}")
    for state in ("false", "true"):
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-checked", state)
        expect(button).to_be_focused()
