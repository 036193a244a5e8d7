"""What is pushed is what a reload shows, in Chromium and in the test kit alike."""

import random

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify, retract
from notifications.testing.dom import Document

from .conftest import is_live
from .pages import Frames, equals_a_reload, open_bell, rows, shown, titles, up_to_date

VIEWS = ["all", "unread", "archived", "category:people"]


def live_a_little(user, inbox, seed, steps=25):
    """Some life of an inbox: the same one for the same seed."""
    chance, keys = random.Random(seed), [f"s{seed}-0"]
    notify(user, title="Zero", key=keys[0])
    for step in range(steps):
        key = chance.choice(keys)
        act = chance.choice([arrive, arrive, inbox.mark_read, inbox.mark_unread, inbox.archive, inbox.unarchive, take])
        if act is arrive:
            keys.append(arrive(user, f"s{seed}-{step + 1}", chance))
        elif act is take:
            take(user, key)
        else:
            act(key)


def arrive(user, key, chance):
    category = chance.choice(["general", "people"])
    notify(user, title=f"Number {key}", body=chance.choice(["", "Some words"]), category=category, key=key)
    return key


def take(user, key):
    retract(user, key)


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_after_the_pushes_equals_a_reload(window, bo, inbox, view):
    live_a_little(bo, inbox, seed=7, steps=5)
    page = window(bo).open(f"/inbox/?view={view}")
    live_a_little(bo, inbox, seed=11)
    assert equals_a_reload(page, bo)


def test_a_push_into_a_page_with_older_ones_loaded(window, bo, inbox):
    for number in range(70):
        notify(bo, title=f"Number {number}", key=f"n{number}")
    page = with_older_ones(window(bo).open())
    inbox.mark_read("n15")
    retract(bo, "n20")
    notify(bo, title="The newest")
    up_to_date(page, bo)
    expect(titles(page).first).to_have_text("The newest")
    before = shown(page.content())
    page.reload()
    assert before == shown(with_older_ones(page).content())


def with_older_ones(page):
    page.get_by_role("link", name="Older notifications").click()
    expect(rows(page)).to_have_count(60)
    return page


def test_what_changes_before_older_ones_are_loaded_is_right_when_they_are(window, bo, inbox):
    for number in range(40):
        notify(bo, title=f"Number {number}", key=f"n{number}")
    page = window(bo).open()
    inbox.mark_read("n3")
    up_to_date(page, bo)
    page.get_by_role("link", name="Older notifications").click()
    expect(page.locator("#notification-n3")).to_have_attribute("data-state", "read")
    inbox.mark_unread("n3")
    expect(page.locator("#notification-n3")).to_have_attribute("data-state", "unread")
    expect(page.locator("#older")).to_be_hidden()


def test_the_open_bell_equals_one_that_is_opened_now(window, bo, inbox):
    page = window(bo).open()
    open_bell(page)
    live_a_little(bo, inbox, seed=3)
    up_to_date(page, bo)
    pushed = titles(page, "#bell-list").all_inner_texts()
    page.reload()
    open_bell(page)
    expect(titles(page, "#bell-list")).to_have_text(pushed)


@pytest.mark.parametrize("view", VIEWS)
def test_the_test_kits_page_tells_the_truth(window, bo, inbox, view):
    """The frames that Chromium got, applied by ``LivePage``'s document, make the same page."""
    live_a_little(bo, inbox, seed=5, steps=5)
    page = window(bo).context.new_page()
    frames = Frames(page)
    kit = Document(page.goto(f"{window.url}/inbox/?view={view}").text())
    is_live(page)
    for seed in (11, 12, 13):
        live_a_little(bo, inbox, seed, steps=8)
        up_to_date(page, bo)
    for frame in frames:
        kit.apply(frame)
    assert len(frames) > 2
    assert kit.shown() == shown(page.content())
