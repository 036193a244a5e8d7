"""Broadcasts as readers meet them: on top of every page, in the list, live and without script."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from notifications.models import Broadcast, Content, Inbox, clock

from .pages import equals_a_reload, is_caught_up, row, titles, up_to_date

LONG = (
    "On Sunday from two to four in the morning nobody can book, change or cancel anything at all in any of our houses"
)


def broadcast(title="Maintenance on Sunday", *, placement="both", **content):
    made = Broadcast.draft(Content(title=title, placement=placement, **content))
    made.publish()
    return made


def banner(page, made):
    return page.locator(f"#banner-{made.pk}")


def banners(page):
    return page.locator("#banners [id^=banner-title]")


def test_it_appears_on_every_open_page_of_every_reader_and_leaves_them_all(window, ada, bo, chi, dana):
    pages = [window(bo).open(), window(chi).open("/inbox/preferences/"), window(dana).open("/accounts/profile/")]
    made = broadcast(body="We **move**.")
    for page in pages:
        expect(banners(page)).to_have_text(["Maintenance on Sunday"])
        expect(page.locator("#badge")).to_have_text("1")
    made.withdraw(ada)
    for page in pages:
        expect(page.locator(".banner")).to_have_count(0)
        expect(page.locator("#badge")).to_have_text("0")


def test_a_page_with_broadcasts_equals_a_reload(window, bo):
    page = window(bo).open()
    first, second = broadcast("First", level="error"), broadcast("Second", asks_acknowledgement=True)
    expect(titles(page)).to_have_text(["Second", "First"])
    second.rewrite(Content(title="Second thoughts", placement="both", asks_acknowledgement=True))
    expect(banners(page)).to_have_text(["First", "Second thoughts"])
    assert equals_a_reload(page, bo)
    first.end()
    expect(banners(page)).to_have_text(["Second thoughts"])
    assert equals_a_reload(page, bo)


def test_it_ends_at_its_end_where_no_tick_runs(window, bo):
    page = window(bo).open()
    made = broadcast(ends_at=clock.now() + timedelta(seconds=3))
    expect(banner(page, made)).to_be_visible()
    expect(banner(page, made)).to_have_count(0)
    expect(row(page, made.row_key)).to_have_count(0)
    assert Broadcast.objects.get().state == "published"


def test_dismissing_it_agrees_in_all_windows_and_leads_to_the_next_one(window, bo):
    first, second = broadcast("First"), broadcast("Second")
    page, phone = window(bo).open(), window(bo).open("/inbox/preferences/")
    page.locator(f"#banner-dismiss-{second.pk}").focus()
    page.keyboard.press("Enter")
    expect(banners(phone)).to_have_text(["First"])
    expect(page.locator(f"#banner-dismiss-{first.pk}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.locator("#feed-heading")).to_be_focused()
    expect(page.locator("#badge")).to_have_text("0")
    assert equals_a_reload(page, bo)


def test_i_have_read_this(window, bo):
    made = broadcast("The new policy", asks_acknowledgement=True, is_dismissible=False)
    page = window(bo).open()
    expect(page.locator(f"#banner-dismiss-{made.pk}")).to_have_count(0)
    banner(page, made).get_by_role("button", name="I have read this").click()
    expect(banner(page, made)).to_have_count(0)
    expect(row(page, made.row_key)).to_contain_text("You have read this")
    assert list(made.lacking_acknowledgement()) == []


def test_shown_again_it_has_one_toast(window, bo):
    page = is_caught_up(window(bo).open(), bo)
    made = broadcast("Maintenance", level="error")
    toasts = page.locator(".toast", has_text="Maintenance")
    expect(toasts).to_have_count(1)
    made.rewrite(Content(title="Maintenance later", placement="both", level="error"), show_again=True)
    expect(toasts).to_contain_text("Maintenance later")
    expect(toasts).to_have_count(1)


def test_a_title_in_another_script_loses_its_end_and_not_its_beginning(window, dana):
    made = broadcast(LONG, body="Words.")
    page = window(dana, viewport={"width": 360, "height": 740}).open()
    title = page.locator(f"#banner-title-{made.pk}")
    expect(title).to_have_css("direction", "ltr")
    expect(title).to_have_css("text-align", "right")


def test_what_is_open_stays_open_when_another_one_comes(window, bo):
    made = broadcast(body="We **move** to the new house.")
    page = window(bo).open()
    banner(page, made).locator("summary").click()
    expect(banner(page, made).locator(".prose")).to_be_visible()
    broadcast("And another one", level="error")
    expect(banners(page)).to_have_text(["And another one", "Maintenance on Sunday"])
    expect(banner(page, made).locator(".prose")).to_be_visible()


def test_it_is_opened_as_an_item_with_all_that_it_says(window, bo):
    made = broadcast(body="We **move**.\n\n- bookings pause", asks_acknowledgement=True)
    page = window(bo).open()
    row(page, made.row_key).locator("h3 a").click()
    expect(page.locator(".whole strong")).to_have_text("move")
    page.get_by_role("main").get_by_role("button", name="I have read this").click()
    expect(page.locator(".whole .mark").first).to_have_text("You have read this")
    made.end()
    expect(page.get_by_text("This announcement is over.")).to_be_visible()


def test_triage_works_as_for_everything_else(window, bo):
    made = broadcast(placement="inbox")
    page = window(bo).open()
    page.locator(f"#notification-archive-{made.row_key}").click()
    expect(page.locator("#feed .notification")).to_have_count(0)
    page.locator("#undo-button").click()
    expect(row(page, made.row_key)).to_be_visible()
    page.locator(f"#notification-read-{made.row_key}").click()
    expect(row(page, made.row_key)).to_have_attribute("data-state", "read")
    assert equals_a_reload(page, bo)


def test_while_the_bus_is_dead_it_comes_within_the_sweep(window, bo, valkey):
    page = window(bo).open()
    valkey.kill()
    made = broadcast()
    expect(banner(page, made)).to_be_visible()
    made.withdraw()
    expect(banner(page, made)).to_have_count(0)
    assert equals_a_reload(page, bo)


def test_a_page_that_was_away_is_exact(window, bo):
    made, over = broadcast("Changes"), broadcast("Ends")
    page = window(bo).open()
    page.context.set_offline(True)
    made.rewrite(Content(title="Changed", placement="both"))
    over.end()
    broadcast("New")
    page.context.set_offline(False)
    expect(banners(page)).to_have_text(["New", "Changed"])
    expect(page.locator("#badge")).to_have_text("2")
    assert equals_a_reload(page, bo)


@pytest.mark.parametrize("who", ["bo", "dana"])
def test_one_line_each_on_a_phone(window, request, who):
    made = broadcast(LONG, body="Details.", url="/news/")
    page = window(request.getfixturevalue(who), viewport={"width": 360, "height": 740}).open()
    box = banner(page, made).bounding_box()
    assert box["height"] < 64
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_script_it_is_dismissed_by_a_form(window, bo):
    made = broadcast(asks_acknowledgement=True)
    page = window(bo, java_script_enabled=False).open("/inbox/preferences/", live=False)
    page.locator(f"#banner-acknowledge-{made.pk}").click()
    expect(page.locator(".banner")).to_have_count(0)
    expect(page).to_have_url(f"{window.url}/inbox/preferences/")
    assert Inbox.objects.get(user=bo).announcements[0].is_acknowledged


def test_polling_brings_it_where_no_socket_opens(window, bo):
    browser = window(bo)
    browser.context.route_web_socket("**/ws/live/", lambda socket: socket.close())
    page = browser.open(live=False)
    broadcast()
    expect(banners(page)).to_have_text(["Maintenance on Sunday"], timeout=40_000)
    up_to_date(page, bo)
