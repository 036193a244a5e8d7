"""What screen readers are told: one polite line, seldom, and no list that speaks by itself."""

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify

from .pages import row


@pytest.fixture
def page(window, bo):
    """Bo's inbox. Time is in the test's hands."""
    bos = window(bo)
    bos.context.clock.install()
    return bos.open()


def line(page):
    return page.locator("#bell-status")


def test_an_arrival_is_said(page, bo):
    notify(bo, title="One")
    expect(page.locator("#badge")).to_have_text("1")
    page.clock.run_for(2000)
    expect(line(page)).to_have_text("1 new notification")


def test_it_speaks_at_most_every_two_seconds_and_says_what_is_true_then(page):
    page.evaluate("""() => {
      window.said = [];
      const line = document.getElementById("bell-status");
      new MutationObserver(() => window.said.push(line.textContent)).observe(line, { childList: true });
    }""")
    page.clock.pause_at(page.evaluate("Date.now()") + 60_000)
    for number in range(6):
        page.locator("#bell-status-next").evaluate("(next, text) => (next.textContent = text)", str(number))
        page.clock.run_for(500)
    page.clock.run_for(2000)
    assert page.evaluate("window.said") == ["0", "3", "5"]


def test_there_is_one_status_one_place_for_alarms_and_one_for_announcements(page):
    live = page.locator("[aria-live], [role=status], [role=log], [role=alert], output")
    assert sorted(one.get_attribute("id") for one in live.all()) == ["alerts", "banners", "bell-status"]
    expect(line(page)).to_have_count(1)


def test_what_was_archived_elsewhere_takes_nobodys_focus(page, bo, inbox):
    notify(bo, title="One", key="one")
    page.locator("#bell-button").focus()
    inbox.archive("one")
    expect(row(page, "one")).to_have_count(0)
    expect(page.locator("#bell-button")).to_be_focused()
