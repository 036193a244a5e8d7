"""The reader's own test of the live connection, in the settings."""

import pytest
from playwright.sync_api import expect

from .test_axe import violations


def test_pressed_by_the_keyboard_it_says_how_long_each_part_took_and_goes_away(window, bo):
    page = window(bo).open("/inbox/preferences/")
    button = page.get_by_role("button", name="Send a test")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#echo")).to_contain_text("There and back in")
    expect(page.locator("#echo li")).to_have_count(5)
    assert int(page.locator("#echo li[data-part=returned]").get_attribute("data-took") or 0) < 2_000_000  # at once
    expect(page.locator("#toasts")).to_contain_text("A test of the live connection")
    expect(page.locator("#echo-waiting")).to_be_empty()
    expect(button).to_be_focused()
    expect(page.locator("#toasts .toast")).to_have_count(0)
    expect(page.locator("#badge")).to_be_hidden()
    expect(page.locator("#echo")).to_contain_text("There and back in")


def test_pressed_twice_it_says_to_wait_and_keeps_the_result(window, bo):
    page = window(bo).open("/inbox/preferences/")
    button = page.get_by_role("button", name="Send a test")
    button.click()
    expect(page.locator("#echo")).to_contain_text("There and back in")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("One test at a time, please.")
    expect(page.locator("#echo-waiting")).to_be_empty()
    expect(page.locator("#echo")).to_contain_text("There and back in")


def test_where_nothing_comes_back_it_says_so(window, bo):
    page = window(bo).open("/inbox/preferences/")
    page.clock.install()
    page.route("**/inbox/preferences/echo/", lambda route: route.fulfill(status=204))
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#echo-waiting")).to_have_text("The test is under way.")
    page.clock.fast_forward(16_000)
    expect(page.locator("#echo-waiting")).to_contain_text("Nothing has come back for 15 seconds.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_result_can_be_read_by_everybody(window, dana, scheme):
    page = window(dana, color_scheme=scheme, viewport={"width": 360, "height": 800}).open("/inbox/preferences/")
    page.locator("#echo-button").click()
    expect(page.locator("#echo li")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert violations(page) == []
