"""Keys for the list, while it has the focus."""

import re

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify

from .pages import row, rows, titles


@pytest.fixture
def page(window, bo):
    for number in range(4):
        notify(bo, title=f"Number {number}", key=f"n{number}")
    page = window(bo).open()
    row(page, "n3").focus()
    return page


def test_tab_reaches_the_first_row(window, bo):
    for number in range(3):
        notify(bo, title=f"Number {number}", key=f"n{number}")
    page = window(bo).open()
    page.locator(".search button").focus()
    page.keyboard.press("Tab")
    expect(row(page, "n2")).to_be_focused()


def test_what_has_the_focus_in_it_is_the_row_that_tab_comes_back_to(page):
    page.locator("#notification-archive-n1").focus()
    expect(row(page, "n1")).to_have_attribute("tabindex", "0")
    page.locator("#bell-button").focus()
    expect(page.locator("#feed > .notification[tabindex='0']")).to_have_id("notification-n1")


def test_one_row_can_be_reached_by_tab_whatever_is_swapped(page, bo, inbox):
    reachable = page.locator("#feed > .notification[tabindex='0']")
    expect(reachable).to_have_id("notification-n3")
    inbox.mark_read("n3")
    expect(row(page, "n3")).to_have_attribute("data-state", "read")
    expect(reachable).to_have_id("notification-n3")
    expect(row(page, "n3")).to_be_focused()
    inbox.archive("n3")
    expect(rows(page)).to_have_count(3)
    expect(reachable).to_have_id("notification-n2")


def test_j_and_k_move_and_stop_at_the_ends(page):
    page.keyboard.press("k")
    expect(row(page, "n3")).to_be_focused()
    for key in ("n2", "n1", "n0", "n0"):
        page.keyboard.press("j")
        expect(row(page, key)).to_be_focused()
    page.keyboard.press("k")
    expect(row(page, "n1")).to_be_focused()


def test_they_pass_by_what_waits_behind_the_button(page, bo):
    notify(bo, title="New", key="new")
    expect(page.locator("#new-rows")).to_be_visible()
    page.keyboard.press("k")
    expect(row(page, "n3")).to_be_focused()


def test_enter_opens(page):
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/inbox/n2/$"))


def test_archiving_several_in_a_row_moves_on_and_ends_at_the_heading(page):
    page.keyboard.press("j")
    for key, left in (("n1", 3), ("n0", 2), ("n3", 1)):
        page.keyboard.press("e")
        expect(rows(page)).to_have_count(left)
        expect(row(page, key)).to_be_focused()
    page.keyboard.press("e")
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#feed-heading")).to_be_focused()


def test_archiving_faster_than_the_server_answers_archives_each_of_them(page):
    for _ in range(3):
        page.keyboard.press("e")
    expect(titles(page)).to_have_text(["Number 0"])
    expect(row(page, "n0")).to_be_focused()


def test_z_takes_back_what_was_just_done(page):
    page.keyboard.press("e")
    expect(row(page, "n3")).to_have_count(0)
    expect(page.locator("#undo-button")).to_be_visible()
    page.keyboard.press("z")
    expect(row(page, "n3")).to_be_visible()
    expect(page.locator("#undo")).to_have_text("Undone.")


def test_z_brings_back_the_last_row_and_j_leads_into_the_list(window, bo):
    notify(bo, title="The only one", key="only")
    page = window(bo).open()
    row(page, "only").focus()
    page.keyboard.press("e")
    expect(page.locator("#feed-heading")).to_be_focused()
    expect(page.locator("#undo-button")).to_be_visible()
    page.keyboard.press("z")
    expect(row(page, "only")).to_be_visible()
    page.keyboard.press("x")
    page.keyboard.press("j")
    expect(row(page, "only")).to_be_focused()


def test_e_moves_back_what_is_archived(page, inbox):
    inbox.archive("n3")
    page.goto(page.url + "?view=archived")
    row(page, "n3").focus()
    page.keyboard.press("e")
    expect(rows(page)).to_have_count(0)


def test_shift_u_marks_unread(page, inbox):
    inbox.mark_read("n3")
    expect(row(page, "n3")).to_have_attribute("data-state", "read")
    page.keyboard.press("u")
    page.keyboard.press("Shift+U")
    expect(row(page, "n3")).to_have_attribute("data-state", "unread")
    expect(row(page, "n3")).to_be_focused()


def test_x_ticks_s_saves_and_m_opens_the_menu(page, inbox):
    page.keyboard.press("x")
    expect(row(page, "n3").locator("input[name=key]")).to_be_checked()
    page.keyboard.press("s")
    expect(page.locator("#notification-unsave-n3")).to_be_attached()
    expect(row(page, "n3")).to_be_focused()
    page.keyboard.press("m")
    expect(page.locator("#more")).to_be_visible()
    page.keyboard.press("Escape")
    expect(row(page, "n3")).to_be_focused()
    page.keyboard.press("j")
    expect(row(page, "n2")).to_be_focused()


def test_g_n_goes_to_the_inbox(page):
    page.goto(page.url + "?view=unread")
    row(page, "n3").focus()
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/inbox/$"))


def test_a_question_mark_shows_them_all_and_escape_leads_back(page, inbox):
    page.keyboard.press("j")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    inbox.mark_read("n2")
    expect(row(page, "n2")).to_have_attribute("data-state", "read")
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(row(page, "n2")).to_be_focused()
    page.keyboard.press("?")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_an_arabic_keyboard_has_them_in_the_same_places(page):
    press = "code => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { ...code, bubbles: true }))"
    page.evaluate(press, {"key": "ت", "code": "KeyJ"})
    expect(row(page, "n2")).to_be_focused()
    page.evaluate(press, {"key": "؟", "code": "Slash", "shiftKey": True})
    expect(page.locator("#keys")).to_be_visible()


def test_the_page_of_a_search_has_them_too(page):
    page.goto(page.url + "?q=number")
    row(page, "n3").focus()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


@pytest.mark.parametrize("keys", ["Control+e", "Alt+e", "Meta+e", "Shift+E"])
def test_with_another_key_held_they_are_the_browsers(page, inbox, keys):
    page.keyboard.press(keys)
    inbox.mark_read("n0")
    expect(row(page, "n0")).to_have_attribute("data-state", "read")
    expect(rows(page)).to_have_count(4)


def test_outside_of_the_list_and_in_fields_they_are_letters(page, inbox):
    row(page, "n3").evaluate("row => row.append(document.createElement('textarea'))")
    for place in ("#bell-button", "#main", "#feed textarea"):
        page.locator(place).focus()
        for key in ("e", "?", "g", "n", "j"):
            page.keyboard.press(key)
    expect(page.locator("#feed textarea")).to_have_value("e?gnj")
    expect(page.locator("#keys")).to_be_hidden()
    inbox.mark_read("n0")
    expect(row(page, "n0")).to_have_attribute("data-state", "read")
    expect(rows(page)).to_have_count(4)


def test_they_can_be_switched_off(page, inbox):
    page.goto(page.url + "preferences/")
    page.get_by_role("switch", name="Keyboard shortcuts").click()
    expect(page.get_by_role("switch", name="Keyboard shortcuts")).not_to_be_checked()
    page.goto(page.url.replace("preferences/", ""))
    row(page, "n3").focus()
    for key in ("e", "?", "j"):
        page.keyboard.press(key)
    expect(row(page, "n3")).to_be_focused()
    inbox.mark_read("n0")
    expect(row(page, "n0")).to_have_attribute("data-state", "read")
    expect(rows(page)).to_have_count(4)
