"""Nobody's place in the list jumps: what arrives while the reader is further down waits behind a button."""

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify, retract

from .pages import equals_a_reload, open_bell, row, rows, titles

SMALL = {"width": 900, "height": 500}


@pytest.fixture
def page(window, bo):
    for number in range(12):
        notify(bo, title=f"Number {number}", body="Something to read.", key=f"n{number}")
    return window(bo, viewport=SMALL).open()


def button(page):
    return page.locator("#new-rows")


def scroll(page, y):
    page.evaluate("y => scrollTo({ top: y, behavior: 'instant' })", y)


def place(page, key):
    return page.locator(f"#notification-{key}").bounding_box()["y"]


def test_at_the_top_they_appear_at_once(page, bo):
    notify(bo, title="The newest")
    expect(titles(page).first).to_have_text("The newest")
    expect(titles(page).first).to_be_visible()
    expect(button(page)).to_be_hidden()


def test_further_down_they_wait_and_nothing_moves(page, bo):
    scroll(page, 300)
    before = place(page, "n7")
    for number in range(3):
        notify(bo, title=f"New {number}", key=f"new{number}")
    expect(button(page)).to_have_text("3 new")
    assert place(page, "n7") == before
    expect(row(page, "new2")).to_be_hidden()
    expect(page.locator("#badge")).to_have_text("15")
    button(page).click()
    expect(row(page, "new2")).to_be_focused()
    expect(row(page, "new2")).to_be_in_viewport()
    expect(button(page)).to_be_hidden()
    assert equals_a_reload(page, bo)


def test_scrolling_back_to_the_top_shows_them(page, bo):
    scroll(page, 300)
    notify(bo, title="New", key="new")
    expect(button(page)).to_have_text("1 new")
    scroll(page, 0)
    expect(row(page, "new")).to_be_visible()
    expect(button(page)).to_be_hidden()


def test_with_the_focus_in_the_list_they_wait_until_it_leaves(page, bo):
    row(page, "n11").focus()
    before = place(page, "n11")
    notify(bo, title="New", key="new")
    expect(button(page)).to_have_text("1 new")
    assert place(page, "n11") == before
    button(page).focus()
    expect(row(page, "new")).to_be_hidden()
    page.locator("#bell-button").focus()
    expect(row(page, "new")).to_be_visible()


def test_one_that_waits_and_is_read_elsewhere_goes_on_waiting(page, bo, inbox):
    scroll(page, 300)
    notify(bo, title="New", key="new")
    expect(button(page)).to_have_text("1 new")
    inbox.mark_read("new")
    expect(row(page, "new")).to_have_attribute("data-state", "read")
    expect(row(page, "new")).to_be_hidden()


def test_what_changes_or_comes_back_never_waits(page, bo, inbox):
    scroll(page, 300)
    inbox.mark_read("n7")
    expect(row(page, "n7")).to_have_attribute("data-state", "read")
    inbox.archive("n11")
    expect(row(page, "n11")).to_have_count(0)
    inbox.unarchive("n11")
    expect(row(page, "n11")).to_have_count(1)
    assert page.locator("#feed [hidden]").count() == 0


def test_one_that_is_taken_back_is_not_counted_any_more(page, bo):
    scroll(page, 300)
    notify(bo, title="New", key="new")
    notify(bo, title="Newer", key="newer")
    expect(button(page)).to_have_text("2 new")
    retract(bo, "new")
    expect(button(page)).to_have_text("1 new")
    retract(bo, "newer")
    expect(button(page)).to_be_hidden()


def test_older_ones_never_wait(window, bo):
    for number in range(40):
        notify(bo, title=f"Number {number}", key=f"n{number}")
    page = window(bo, viewport=SMALL).open()
    scroll(page, 500)
    page.get_by_role("link", name="Older notifications").click()
    expect(rows(page)).to_have_count(40)
    assert page.locator("#feed [hidden]").count() == 0


def test_the_heading_of_a_day_waits_with_its_rows(page, bo):
    page.evaluate("document.querySelectorAll('#feed > .day').forEach(day => day.remove())")
    scroll(page, 300)
    notify(bo, title="New", key="new")
    expect(button(page)).to_have_text("1 new")
    expect(page.locator("#feed > .day")).to_have_count(1)
    notify(bo, title="Newer", key="newer")
    expect(button(page)).to_have_text("2 new")


def test_a_whole_list_is_shown_at_once(page, bo, server):
    scroll(page, 300)
    server.kill()
    expect(page.locator("html[data-live=off]")).to_have_count(1)
    for number in range(310):
        notify(bo, title=f"Meanwhile {number}")
    server.start()
    expect(titles(page).first).to_have_text("Meanwhile 309")
    assert page.locator("#feed [hidden]").count() == 0
    expect(button(page)).to_be_hidden()


def test_a_bell_that_nobody_can_see_closes(page, bo):
    open_bell(page)
    page.evaluate("""() => {
      Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    expect(page.locator("#bell")).to_be_hidden()


@pytest.mark.parametrize(("number", "words"), [(1, "واحد جديد"), (2, "اثنان جديدان"), (3, "3 جديدة"), (11, "11 جديدًا")])
def test_they_are_counted_in_the_form_of_the_language(window, dana, number, words):
    for older in range(12):
        notify(dana, title=f"Number {older}", body="Something to read.")
    page = window(dana, viewport=SMALL).open()
    scroll(page, 300)
    notify_all(dana, number)
    expect(button(page)).to_have_text(words)


def notify_all(user, number):
    for one in range(number):
        notify(user, title=f"New {one}")
