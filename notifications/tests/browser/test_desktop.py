"""Notifications of the system: for who wants them, while no tab is looked at, and once over all tabs."""

import re

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify

from .pages import is_caught_up, titles

# The system is not the tests' to ring, and a headless tab is always visible: both are played.
SYSTEM = """
window.rung = [];
window.Notification = class extends EventTarget {
  constructor(text, options) {
    super();
    if (window.cannotRing) throw new TypeError("Illegal constructor");
    window.rung.push({ text, tag: options.tag });
    window.lastRung = this;
  }
  close() { this.closed = true; }
  static permission = "PERMISSION";
  static async requestPermission() {
    if (this.permission === "default") this.permission = "granted";
    return this.permission;
  }
};
window.isHidden = false;
Object.defineProperty(document, "hidden", { get: () => window.isHidden });
"""
HIDE = "hidden => { window.isHidden = hidden; document.dispatchEvent(new Event('visibilitychange')); }"


@pytest.fixture
def browser_of(window):
    """A browser with a system that may be rung, where its switch is on unless said otherwise."""

    def make(user, permission="granted", is_on=True):
        made = window(user)
        made.context.add_init_script(SYSTEM.replace("PERMISSION", permission))
        if is_on:
            made.context.add_init_script("if (isSecureContext) localStorage.setItem('belfry-desktop', 'on')")
        return made

    return make


def hide(*pages):
    for page in pages:
        page.evaluate(HIDE, True)


def rung(*pages):
    return [one["text"] for page in pages for one in page.evaluate("window.rung")]


def is_told(page, title):
    """Its toast has come, and whoever tells has looked at it: another one that comes later has been told."""
    expect(titles(page).first).to_have_text(title)
    expect(page.locator("#toasts .toast p").filter(has_text=title)).to_have_count(1)


def locks_are_at_rest(page):
    """Whatever was asked for before this has been answered."""
    page.evaluate("navigator.locks.request('tests', () => navigator.locks.query()).then(() => 0)")


def test_a_hidden_tab_rings_and_a_click_opens_the_item(browser_of, bo):
    page = is_caught_up(browser_of(bo).open(), bo)
    hide(page)
    notify(bo, title="Lunch is ready", key="lunch")
    is_told(page, "Lunch is ready")
    page.evaluate("() => new Promise(done => setInterval(() => window.rung.length && done(), 10))")
    assert page.evaluate("window.rung") == [{"text": "Lunch is ready", "tag": "lunch"}]
    page.evaluate("window.lastRung.dispatchEvent(new Event('click'))")
    expect(page).to_have_url(re.compile("/inbox/lunch/$"))


def test_two_hidden_tabs_ring_once(browser_of, bo):
    bos = browser_of(bo)
    one, two = bos.open(), bos.open()
    is_caught_up(one, bo)
    is_caught_up_too(two)
    hide(one, two)
    for title in ("First", "Second"):
        notify(bo, title=title)
        for page in (one, two):
            is_told(page, title)
    for page in (one, two):
        locks_are_at_rest(page)
    assert sorted(rung(one, two)) == ["First", "Second"]


def is_caught_up_too(page):
    expect(page.locator("#badge")).to_have_text("1")


def test_nothing_rings_while_a_tab_is_visible(browser_of, bo):
    bos = browser_of(bo)
    hidden, visible = bos.open(), bos.open("/inbox/preferences/")
    is_caught_up(hidden, bo)
    hide(hidden)
    notify(bo, title="You are looking")
    is_told(hidden, "You are looking")
    locks_are_at_rest(hidden)
    assert rung(hidden, visible) == []
    hide(visible)
    notify(bo, title="Now you are not")
    is_told(hidden, "Now you are not")
    expect(visible.locator("#toasts .toast p").filter(has_text="Now you are not")).to_have_count(1)
    for page in (hidden, visible):
        locks_are_at_rest(page)
    assert rung(hidden, visible) == ["Now you are not"]


@pytest.mark.parametrize(("permission", "is_on"), [("granted", False), ("denied", True), ("default", True)])
def test_nothing_rings_that_was_not_asked_for(browser_of, bo, permission, is_on):
    page = is_caught_up(browser_of(bo, permission, is_on).open(), bo)
    hide(page)
    notify(bo, title="Quiet")
    is_told(page, "Quiet")
    locks_are_at_rest(page)
    assert rung(page) == []


def test_toasts_that_are_switched_off_ring_all_the_same(browser_of, bo, inbox):
    inbox.hide_toasts()
    page = is_caught_up(browser_of(bo).open(), bo)
    hide(page)
    notify(bo, title="Lunch is ready")
    expect(titles(page).first).to_have_text("Lunch is ready")
    page.evaluate("() => new Promise(done => setInterval(() => window.rung.length && done(), 10))")
    assert rung(page) == ["Lunch is ready"]


# The switch.


def switch(page):
    return page.get_by_role("switch", name="Desktop notifications")


def test_it_is_switched_on_and_off_in_this_browser(browser_of, bo):
    bos = browser_of(bo, "default", is_on=False)
    page = bos.open("/inbox/preferences/", live=False)
    expect(switch(page)).not_to_be_checked()
    switch(page).click()
    expect(switch(page)).to_be_checked()
    assert rung(page) == ["This is how Belfry rings."]
    assert page.evaluate("localStorage.getItem('belfry-desktop')") == "on"
    switch(page).click()
    expect(switch(page)).not_to_be_checked()
    assert page.evaluate("localStorage.getItem('belfry-desktop')") is None


def test_it_explains_when_the_browser_blocks_them(browser_of, bo):
    page = browser_of(bo, "denied").open("/inbox/preferences/", live=False)
    expect(page.get_by_text("This browser blocks them")).to_be_visible()
    expect(switch(page)).to_have_count(0)


def test_it_explains_when_there_is_no_such_thing(window, bo):
    bos = window(bo)
    bos.context.add_init_script("delete window.Notification")
    page = bos.open("/inbox/preferences/", live=False)
    expect(page.get_by_text("This browser cannot show them")).to_be_visible()


def test_it_explains_when_the_browser_only_seems_to_have_them(browser_of, bo):
    page = browser_of(bo, "default", is_on=False).open("/inbox/preferences/", live=False)
    page.evaluate("window.cannotRing = true")
    switch(page).click()
    expect(page.get_by_text("This browser cannot show them")).to_be_visible()


def test_without_javascript_there_is_no_switch(window, bo):
    page = window(bo, java_script_enabled=False).open("/inbox/preferences/", live=False)
    expect(page.locator("#desktop")).to_be_hidden()
    page.get_by_role("switch", name="Keyboard shortcuts").click()
    expect(page.get_by_role("switch", name="Keyboard shortcuts")).not_to_be_checked()
