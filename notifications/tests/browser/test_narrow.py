"""Every page fits a window of 360 px, from left to right and from right to left, whatever stands in it."""

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify

from .pages import is_caught_up, open_bell

NARROW = {"width": 360, "height": 740}
PAGES = [
    "/inbox/",
    "/inbox/?view=unread",
    "/inbox/?view=archived",
    "/inbox/?view=category%3Apeople",
    "/inbox/long/",
    "/inbox/preferences/",
    "/accounts/profile/",
    "/accounts/password/",
    "/nowhere/",
]
DOORS = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 4


def fill(user):
    notify(user, title="Lunch is ready", body="In the kitchen.", category="people", actor="Ada Okafor")
    notify(
        user, title=LONG, body=f"{LONG} https://example.com/{'x' * 300}", actor=LONG[:150], key="long", level="error"
    )
    notify(user, title="مرحبا بك في البرج", body="هذا نص عربي", category="people", reason="Because you are staff")


def assert_fits(page):
    width, room = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
    assert width <= room, f"{page.url} is {width} px wide"


@pytest.fixture(params=["bo", "dana"])
def reader(request):
    return request.getfixturevalue(request.param)


def test_every_page_fits(window, reader):
    fill(reader)
    page = window(reader, viewport=NARROW).open()
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if reader.username == "dana" else "ltr")
    for path in PAGES:
        page.goto(window.url + path)
        assert_fits(page)


def test_the_doors_fit(window):
    page = window(viewport=NARROW).open(DOORS[0], live=False)
    for path in DOORS:
        page.goto(window.url + path)
        assert_fits(page)


def test_an_open_bell_menu_and_toast_fit(window, reader):
    page = is_caught_up(window(reader, viewport=NARROW).open(), reader)
    fill(reader)
    expect(page.locator("#toasts .toast").first).to_be_visible()
    bell = open_bell(page).bounding_box()
    page.keyboard.press("Escape")
    page.locator("#account-button").click()
    for box in (bell, page.locator("#account-menu").bounding_box(), page.locator("#toasts").bounding_box()):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW["width"]
    assert_fits(page)


def test_the_lamp_has_its_word(window, bo):
    page = window(bo, viewport=NARROW).open()
    expect(page.locator("#connection").get_by_text("Live", exact=True)).to_be_visible()
    assert_fits(page)


def test_the_bells_sheet_has_a_button_that_closes_it(window, bo):
    page = window(bo, viewport=NARROW).open()
    bell = open_bell(page)
    bell.get_by_role("button", name="Close").click()
    expect(bell).to_be_hidden()


def test_the_list_of_keys_and_the_button_for_new_rows_fit(window, reader):
    for number in range(9):
        notify(reader, title=f"Number {number}")
    page = window(reader, viewport=NARROW).open()
    page.locator("#feed .notification").first.focus()
    notify(reader, title="New")
    expect(page.locator("#new-rows")).to_be_visible()
    page.keyboard.press("?")
    for one in (page.locator("#new-rows"), page.locator("#keys")):
        box = one.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= NARROW["width"]
    assert_fits(page)


def test_an_empty_inbox_fits(window, bo):
    assert_fits(window(bo, viewport=NARROW).open())
