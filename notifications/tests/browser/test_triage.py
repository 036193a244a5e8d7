"""Triage with mouse and keyboard: ticking rows, the menu of a row, undo, search, groups."""

import re

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify
from notifications.models import Inbox

from .pages import equals_a_reload, row, rows, titles


@pytest.fixture
def page(window, bo):
    """Five rows, n4 to n0, live."""
    for number in range(5):
        notify(bo, title=f"Number {number}", key=f"n{number}", group_key=f"g{number}")
    return window(bo).open()


def tick(page, key, **options):
    page.locator(f"#pick-{key}").click(**options)


def ticked(page):
    return page.locator("#feed input[name=key]:checked")


def selection(page, name):
    return page.locator("#selection").get_by_role("button", name=name, exact=True)


def more_of(page, key):
    page.locator(f"#notification-more-{key}").click()
    expect(page.locator("#more")).to_be_visible()
    return page.locator("#more")


# Ticked rows.


def test_shift_ticks_all_in_between_and_says_how_many(page):
    tick(page, "n4")
    expect(page.locator(".selection-count")).to_have_text("1 selected")
    tick(page, "n1", modifiers=["Shift"])
    expect(ticked(page)).to_have_count(4)
    expect(page.locator(".selection-count")).to_have_text("4 selected")
    tick(page, "n3", modifiers=["Shift"])
    expect(ticked(page)).to_have_count(1)
    expect(page.locator("#pick-n4")).to_be_checked()


def test_the_bar_is_there_while_something_is_ticked(page):
    expect(page.locator("#selection")).to_be_hidden()
    tick(page, "n2")
    expect(page.locator("#selection")).to_be_visible()
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.locator("#selection")).to_be_hidden()
    expect(ticked(page)).to_have_count(0)
    expect(page.locator("#feed-heading")).to_be_focused()


def test_a_tick_survives_when_its_row_changes_elsewhere_and_goes_with_it(page, inbox):
    tick(page, "n2")
    tick(page, "n3")
    inbox.mark_read("n2")
    expect(row(page, "n2")).to_have_attribute("data-state", "read")
    expect(page.locator("#pick-n2")).to_be_checked()
    expect(page.locator(".selection-count")).to_have_text("2 selected")
    inbox.archive("n2")
    expect(row(page, "n2")).to_have_count(0)
    expect(page.locator(".selection-count")).to_have_text("1 selected")


def test_ticked_rows_are_archived_together_and_come_back_with_undo(page, bo):
    tick(page, "n3")
    tick(page, "n1", modifiers=["Shift"])
    selection(page, "Archive").click()
    expect(titles(page)).to_have_text(["Number 4", "Number 0"])
    expect(page.locator("#undo")).to_contain_text("3 archived.")
    expect(page.locator("#selection")).to_be_hidden()
    page.locator("#undo-button").click()
    expect(rows(page)).to_have_count(5)
    expect(page.locator("#undo")).to_contain_text("Undone.")
    assert equals_a_reload(page, bo)


def test_ticked_rows_are_snoozed_together(page):
    tick(page, "n4")
    tick(page, "n0")
    selection(page, "Snooze").click()
    page.locator("#selection-snooze").get_by_role("button", name="Tomorrow").click()
    expect(titles(page)).to_have_text(["Number 3", "Number 2", "Number 1"])
    expect(page.locator("#selection-snooze")).to_be_hidden()
    expect(page.locator("#count-snoozed")).to_have_text("2")


def test_the_space_bar_ticks(page):
    page.locator("#pick-n2").press("Space")
    expect(page.locator(".selection-count")).to_have_text("1 selected")


# Enter is no press of some other button.


@pytest.mark.parametrize("enter_on", ["#pick-n2", "#selection-own"])
def test_enter_outside_of_a_button_does_nothing(page, inbox, enter_on):
    tick(page, "n2")
    before = Inbox.objects.get(pk=inbox.pk).revision
    if enter_on == "#selection-own":
        selection(page, "Snooze").click()
        page.locator(enter_on).fill("2030-01-01T09:00")
    posts = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    page.locator(enter_on).press("Enter")
    tick(page, "n3") if enter_on == "#pick-n2" else page.keyboard.press("Escape")
    inbox.mark_read("n4")
    expect(row(page, "n4")).to_have_attribute("data-state", "read")
    assert posts == []
    assert Inbox.objects.get(pk=inbox.pk).revision == before + 1


# The menu of a row.


def test_it_opens_beside_its_row_and_escape_gives_the_focus_back(page):
    page.set_viewport_size({"width": 1280, "height": 1600})
    panel = more_of(page, "n2")
    link, box = page.locator("#notification-more-n2").bounding_box(), panel.bounding_box()
    assert abs((box["x"] + box["width"]) - (link["x"] + link["width"])) < 2
    gap = box["y"] - (link["y"] + link["height"]) if box["y"] > link["y"] else link["y"] - (box["y"] + box["height"])
    assert -1 <= gap <= 12
    expect(panel.locator(":focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("#notification-more-n2")).to_be_focused()


def test_it_fits_into_the_window_also_for_the_last_row(page):
    page.set_viewport_size({"width": 900, "height": 600})
    box = more_of(page, "n0").bounding_box()
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= 900


def test_the_menu_of_a_row_that_is_gone_is_not_that_of_another(page):
    more_of(page, "n2")
    page.keyboard.press("Escape")
    page.route("**/inbox/n1/more/", lambda route: route.fulfill(status=404))
    page.locator("#notification-more-n1").click()
    expect(page.locator("#alerts")).to_contain_text("That is not there any more")
    expect(page.locator("#more")).to_be_hidden()
    expect(page.locator("#more-body")).to_be_empty()


def test_a_row_that_is_replaced_meanwhile_has_its_menu_beside_it(page, inbox):
    def replace_first(route):
        inbox.mark_read("n2")
        expect(row(page, "n2")).to_have_attribute("data-state", "read")
        route.continue_()

    page.route("**/inbox/n2/more/", replace_first)
    panel = more_of(page, "n2")
    link, box = page.locator("#notification-more-n2").bounding_box(), panel.bounding_box()
    assert abs((box["x"] + box["width"]) - (link["x"] + link["width"])) < 2


def test_it_snoozes_and_undo_brings_back(page):
    more_of(page, "n2").get_by_role("button", name="Tomorrow").click()
    expect(row(page, "n2")).to_have_count(0)
    expect(page.locator("#more")).to_be_hidden()
    expect(page.locator("#count-snoozed")).to_have_text("1")
    page.locator("#undo-button").click()
    expect(row(page, "n2")).to_be_visible()
    expect(page.locator("#count-snoozed")).to_have_text("0")


def test_a_time_of_ones_own_that_is_over_is_refused_in_words(page):
    panel = more_of(page, "n2")
    panel.locator("#more-own").fill("2020-01-01T09:00")
    panel.get_by_role("button", name="Snooze", exact=True).click()
    expect(page.locator("#alerts")).to_contain_text("Choose a time in the future")
    expect(row(page, "n2")).to_be_visible()
    more_of(page, "n2").get_by_role("button", name="Tomorrow").click()
    expect(row(page, "n2")).to_have_count(0)
    expect(page.locator("#act-refused")).to_have_count(0)


def test_a_time_of_ones_own_that_is_not_given_is_asked_for_in_the_panel(page):
    posts = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    panel = more_of(page, "n2")
    panel.get_by_role("button", name="Snooze", exact=True).click()
    expect(panel.locator("#more-own")).to_be_focused()
    expect(panel).to_be_visible()
    assert posts == []


def test_it_mutes(page, bo):
    more_of(page, "n2").get_by_role("button", name="For a week").click()
    expect(page.locator("#undo")).to_contain_text("is quiet until")
    assert notify(bo, title="More", group_key="g2") is None
    page.get_by_role("link", name="What is muted").click()
    expect(page.locator("#main")).to_contain_text("Number 2")


def test_it_says_why(page, bo):
    notify(bo, title="Order", key="order", reason="Because you ordered it")
    expect(more_of(page, "order")).to_contain_text("Because you ordered it")


# Search.


@pytest.fixture
def found(page, bo):
    notify(bo, title="Soup is ready", key="soup")
    expect(row(page, "soup")).to_be_visible()
    page.locator("#search").fill("soup")
    page.locator("#search").press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=soup"))
    expect(titles(page)).to_have_text(["Soup is ready"])
    return page


def test_what_was_typed_is_found_and_back_leads_back(found):
    found.go_back()
    expect(rows(found)).to_have_count(6)
    found.go_forward()
    expect(titles(found)).to_have_text(["Soup is ready"])
    expect(found.locator("#search")).to_have_value("soup")


def test_an_act_on_what_was_found_changes_it_where_it_stands(found):
    found.locator("#notification-read-soup").click()
    expect(row(found, "soup")).to_have_attribute("data-state", "read")
    found.locator("#notification-archive-soup").click()
    expect(found.locator("#notification-unarchive-soup")).to_be_visible()
    expect(found.locator("#outdated")).to_be_empty()


def test_a_new_arrival_offers_to_search_again(found, bo):
    expect(found.locator("html")).to_have_attribute("data-live", "on")
    notify(bo, title="More soup", key="more-soup")
    found.get_by_role("link", name="Search again").click()
    expect(titles(found)).to_have_text(["More soup", "Soup is ready"])
    expect(found.locator("#outdated")).to_be_empty()


# Groups.


def test_the_earlier_events_of_a_group_open_with_the_keyboard_and_stay_open(page, bo):
    for name in ("Ana", "Ben", "Cy"):
        notify(bo, verb="comment.added", actor=name, target="Menu", group_key="menu", key=name)
    expect(titles(page).first).to_have_text("Cy, Ben and Ana commented on Menu")
    expect(rows(page)).to_have_count(6)
    page.locator("#notification-Cy summary").press("Enter")
    expect(page.locator("#notification-Cy .events li")).to_have_text(
        [re.compile("^Ben commented on Menu"), re.compile("^Ana commented on Menu")]
    )
    expect(page.locator("#notification-Cy .events li").first).to_be_visible()


def test_ticked_rows_are_counted_in_the_form_of_the_language(window, dana):
    for number in range(11):
        notify(dana, title=f"Number {number}", key=f"n{number}")
    page = window(dana).open()
    for key, words in [("n10", "حُدّد واحد"), ("n9", "حُدّد اثنان"), ("n8", "حُدّدت 3")]:
        tick(page, key)
        expect(page.locator(".selection-count")).to_have_text(words)
    tick(page, "n0", modifiers=["Shift"])
    expect(page.locator(".selection-count")).to_have_text("حُدّد 11")
