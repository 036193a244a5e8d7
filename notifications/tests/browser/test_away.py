"""A page that was away is equal to a fresh one when it is back."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify, retract

from .conftest import is_live
from .pages import Frames, equals_a_reload, rows, titles


@pytest.fixture
def page(window, bo):
    """Bo's inbox with three in it, live."""
    for number in range(3):
        notify(bo, title=f"Before {number}", key=f"before{number}")
    return window(bo).open()


def meanwhile(bo, inbox):
    for number in range(20):
        notify(bo, title=f"Meanwhile {number}", key=f"while{number}")
    retract(bo, "before0")
    inbox.mark_read("before1")
    inbox.mark_read("while7")


def is_off(page):
    expect(page.locator("html[data-live=off]")).to_have_count(1)


def test_the_server_was_killed(page, server, bo, inbox):
    server.kill()
    is_off(page)
    meanwhile(bo, inbox)
    server.start()
    assert equals_a_reload(page, bo)


def test_the_server_was_restarted_in_order(page, server, bo, inbox):
    server.stop()
    is_off(page)
    meanwhile(bo, inbox)
    server.start()
    assert equals_a_reload(page, bo)


def test_the_network_was_away(page, bo, inbox):
    page.context.set_offline(True)
    meanwhile(bo, inbox)
    expect(rows(page)).to_have_count(3)
    page.context.set_offline(False)
    assert equals_a_reload(page, bo)


def test_the_bus_was_dead(page, valkey, bo, inbox):
    valkey.kill()
    meanwhile(bo, inbox)
    assert equals_a_reload(page, bo)
    valkey.start()
    notify(bo, title="The bus is back")
    expect(titles(page).first).to_have_text("The bus is back")


def test_what_came_while_it_was_away_is_no_news(page, server, bo):
    server.kill()
    is_off(page)
    notify(bo, title="Meanwhile")
    server.start()
    expect(titles(page).first).to_have_text("Meanwhile")
    notify(bo, title="News")
    expect(page.locator("#toasts .toast a")).to_have_text(["News"])


def test_more_than_it_can_catch_up_with_one_by_one(page, server, bo):
    frames = Frames(page)
    server.kill()
    is_off(page)
    for number in range(310):
        notify(bo, title=f"Meanwhile {number}")
    server.start()
    assert equals_a_reload(page, bo)
    assert len(frames) <= 2


def test_what_comes_between_its_rendering_and_its_socket(window, bo):
    page = window(bo).context.new_page()
    page.route("**/ws/live/", lambda route: route.continue_())
    page.goto(window.url + "/inbox/", wait_until="commit")
    notify(bo, title="In between")
    expect(titles(page)).to_have_text(["In between"])


def test_the_back_button_shows_how_things_are_now(page, bo, inbox):
    page.goto(page.url + "preferences/")
    inbox.archive("before2")
    notify(bo, title="The newest")
    page.go_back()
    is_live(page)
    expect(titles(page)).to_have_text(["The newest", "Before 1", "Before 0"])
    notify(bo, title="Newer still")
    expect(titles(page).first).to_have_text("Newer still")
    assert equals_a_reload(page, bo)


def test_a_socket_that_died_without_a_word_is_noticed(window, bo, inbox):
    bos = window(bo)
    bos.context.clock.install()
    page = bos.open()
    bos.context.set_offline(True)
    bos.context.clock.fast_forward("01:00")
    is_off(page)
    meanwhile(bo, inbox)
    bos.context.set_offline(False)
    assert equals_a_reload(page, bo)


def test_after_a_long_sleep_nobody_waits_for_timers_that_slept_too(window, bo):
    """The laptop was shut: its clock has gone on, its timers have not, and its socket looks as if it were alive."""
    bos = window(bo)
    bos.context.clock.install()
    page, sockets = bos.open(), []
    page.on("websocket", lambda socket: sockets.append(socket))
    bos.context.set_offline(True)
    bos.context.clock.set_system_time(datetime.now() + timedelta(hours=8))
    notify(bo, title="Good morning")
    bos.context.set_offline(False)
    expect(titles(page)).to_have_text(["Good morning"])
    assert len(sockets) == 1
