"""Where no socket opens, the page asks every 15 s and gets the same pieces."""

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify, retract

from .conftest import is_live
from .pages import equals_a_reload, open_bell, row, rows, titles


@pytest.fixture
def page(window, bo):
    """Bo's inbox behind something that lets no socket through. Time is in the test's hands."""
    for number in range(3):
        notify(bo, title=f"Before {number}", key=f"before{number}")
    bos = window(bo)
    bos.context.route_web_socket("**/ws/live/", lambda socket: socket.close())
    bos.context.clock.install()
    page = bos.open(live=False)
    page.clock.fast_forward("00:11")
    expect(page.locator("html[data-live=polling]")).to_have_count(1)
    return page


def test_it_brings_what_the_socket_would_have_brought(page, bo, inbox):
    notify(bo, title="The newest")
    inbox.mark_read("before1")
    retract(bo, "before0")
    page.clock.fast_forward("00:16")
    expect(titles(page)).to_have_text(["The newest", "Before 2", "Before 1"])
    expect(page).to_have_title("(2) Inbox · Belfry")
    assert equals_a_reload(page, bo)


def test_an_act_shows_at_once(page, bo):
    page.locator("#notification-read-before1").click()
    expect(row(page, "before1")).to_have_attribute("data-state", "read")
    expect(page).to_have_title("(2) Inbox · Belfry")
    page.locator("#notification-archive-before2").click()
    expect(rows(page)).to_have_count(2)
    assert equals_a_reload(page, bo)


def test_the_bell_opens_and_stays_current(page, bo):
    open_bell(page)
    expect(rows(page, "#bell-list")).to_have_count(3)
    notify(bo, title="The newest")
    page.clock.fast_forward("00:16")
    expect(titles(page, "#bell-list").first).to_have_text("The newest")


def test_it_tells_who_is_signed_out_and_stops(page):
    page.context.clear_cookies()
    page.clock.fast_forward("00:16")
    expect(page.get_by_role("alert").get_by_text("You are signed out")).to_be_visible()
    expect(page.locator("html:not([data-live])")).to_have_count(1)


def test_a_socket_that_opens_in_the_end_takes_over(page, bo, inbox):
    page.context.route_web_socket("**/ws/live/", lambda socket: socket.connect_to_server())
    notify(bo, title="The newest")
    page.clock.fast_forward("00:05")
    is_live(page)
    expect(titles(page).first).to_have_text("The newest")
    inbox.mark_read("before1")
    expect(row(page, "before1")).to_have_attribute("data-state", "read")
