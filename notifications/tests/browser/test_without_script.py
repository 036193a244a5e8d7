"""Without JavaScript everything works by forms and links."""

import re

import pytest
from playwright.sync_api import expect

from notifications import threads
from notifications.delivery import notify
from notifications.models import Inbox, Thread

from .pages import row, rows, titles


@pytest.fixture
def page(window, bo):
    for number in range(3):
        notify(bo, title=f"Number {number}", key=f"n{number}")
    return window(bo, java_script_enabled=False).open(live=False)


def test_an_item_is_read_unread_archived_and_brought_back(page):
    page.locator("#notification-read-n1").click()
    expect(row(page, "n1")).to_have_attribute("data-state", "read")
    page.locator("#notification-unread-n1").click()
    expect(row(page, "n1")).to_have_attribute("data-state", "unread")
    page.locator("#notification-archive-n1").click()
    expect(titles(page)).to_have_text(["Number 2", "Number 0"])
    page.get_by_role("link", name="Archived").click()
    page.locator("#notification-unarchive-n1").click()
    expect(page).to_have_url(re.compile("view=archived"))
    expect(rows(page)).to_have_count(0)


def test_all_at_once(page):
    page.locator("#mark-all-read").click()
    expect(page.locator("#feed .notification[data-state=read]")).to_have_count(3)
    page.locator("#archive-all-button").click()
    page.locator("#archive-all").click()
    expect(rows(page)).to_have_count(0)


def test_a_click_opens_the_item(page, bo):
    notify(bo, title="Your settings", url="/inbox/preferences/", key="settings")
    page.reload()
    titles(page).first.click()
    expect(page).to_have_url(re.compile("/inbox/preferences/$"))
    page.go_back()
    expect(row(page, "settings")).to_have_attribute("data-state", "read")


def test_the_bell_leads_to_the_inbox_and_counts(page):
    page.goto(page.url + "preferences/")
    expect(page.locator("#bell-link .badge")).to_have_text("3")
    page.locator("#bell-link").click()
    expect(page).to_have_url(re.compile("/inbox/$"))


def test_filters_and_older_ones_are_links(page, bo):
    for number in range(40):
        notify(bo, title=f"More {number}", category="people")
    page.reload()
    page.get_by_role("link", name="Older notifications").click()
    expect(titles(page).last).to_have_text("Number 0")
    page.get_by_role("link", name="Back to the newest").click()
    page.get_by_role("link", name="General").click()
    expect(titles(page)).to_have_text(["Number 2", "Number 1", "Number 0"])


def test_a_category_is_switched_off_and_on(page):
    page.goto(page.url + "preferences/")
    switch = page.get_by_role("switch", name="People")
    switch.click()
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()


def test_snoozing_and_undoing_it(page):
    page.locator("#notification-more-n1").click()
    page.get_by_role("button", name="Tomorrow").click()
    page.goto(page.url.partition("/inbox/")[0] + "/inbox/")
    expect(titles(page)).to_have_text(["Number 2", "Number 0"])
    page.get_by_role("link", name="Snoozed").click()
    page.locator("#notification-more-n1").click()
    page.get_by_role("button", name="Bring it back now").click()
    page.get_by_role("link", name="Inbox").first.click()
    expect(titles(page)).to_have_text(["Number 2", "Number 1", "Number 0"])


def test_a_time_of_ones_own_that_is_no_time_is_refused_in_words(page):
    page.locator("#notification-more-n1").click()
    page.get_by_role("button", name="Snooze", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("Give a date and a time")


def test_undo_is_a_button_in_the_message(page):
    page.locator("#notification-archive-n1").click()
    expect(page.locator(".messages")).to_contain_text("1 archived.")
    page.locator("#undo-button").click()
    expect(page.locator(".messages")).to_contain_text("Undone.")
    expect(rows(page)).to_have_count(3)


def test_several_are_ticked_and_archived_at_once(page):
    page.locator("#pick-n0").check()
    page.locator("#pick-n2").check()
    page.locator("#selection").get_by_role("button", name="Archive", exact=True).click()
    expect(titles(page)).to_have_text(["Number 1"])
    page.locator("#undo-button").click()
    expect(rows(page)).to_have_count(3)


def test_several_are_snoozed_at_once(page):
    page.locator("#pick-n0").check()
    page.locator("#pick-n2").check()
    page.locator("#selection").get_by_role("button", name="Snooze", exact=True).first.click()
    page.locator("#selection-snooze").get_by_role("button", name="Tomorrow").click()
    expect(titles(page)).to_have_text(["Number 1"])


def test_searching_is_a_form(page):
    page.locator("#search").fill("2")
    page.locator("#search").press("Enter")
    expect(titles(page)).to_have_text(["Number 2"])
    page.locator("a.back").click()
    expect(rows(page)).to_have_count(3)


def test_a_conversation_is_muted_and_unmuted(page, bo):
    notify(bo, title="Menu", key="menu", group_key="menu")
    page.reload()
    page.locator("#notification-more-menu").click()
    page.get_by_role("button", name="Always").click()
    page.get_by_role("link", name="What is muted").click()
    assert notify(bo, title="More", group_key="menu") is None
    page.get_by_role("button", name="Unmute").click()
    expect(page.get_by_text("Nothing is muted.")).to_be_visible()
    assert notify(bo, title="More", group_key="menu")


def test_saving_and_removing_from_saved(page):
    page.locator("#notification-save-n1").click()
    page.get_by_role("link", name="Saved").click()
    expect(titles(page)).to_have_text(["Number 1"])
    page.locator("#notification-unsave-n1").click()
    expect(rows(page)).to_have_count(0)


def test_enter_in_a_box_presses_no_button(page, bo):
    page.locator("#pick-n1").press("Enter")
    page.locator("#pick-n1").check()
    expect(rows(page)).to_have_count(3)
    assert Inbox.objects.get(user=bo).unread_count == 3


def test_signing_out_and_in(page):
    page.locator("#account-button").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Username").fill("bo")
    page.get_by_label("Password").fill("belfry-demo")
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(titles(page).last).to_have_text("Number 0")


# Conversations.


def go(page, path):
    page.goto(page.url.partition("/inbox/")[0] + path)


def messages(page):
    return page.locator("#messages .message-body")


def test_somebody_is_written_to_by_their_user_name_and_answered(page, bo, ada):
    page.get_by_role("link", name="Conversations").first.click()
    page.get_by_role("link", name="Write to someone").first.click()
    page.get_by_label("To", exact=True).fill("nobody")
    page.get_by_label("Message").fill("Hello Ada")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".errorlist")).to_contain_text("There is nobody")
    expect(page.get_by_label("Message")).to_have_value("Hello Ada")
    page.get_by_label("To", exact=True).fill("ada")
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_text(["Hello Ada"])
    threads.say(ada, Thread.begin(bo.inbox, ada.inbox), "Hello Bo")
    page.locator("#compose-text").fill("Are you there?")
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_text(["Hello Ada", "Hello Bo", "Are you there?"])


def test_what_cannot_be_said_is_refused_and_stays(page, bo, ada):
    threads.write_to(ada, bo, "Hello")
    go(page, Thread.begin(bo.inbox, ada.inbox).get_absolute_url())
    page.locator("#compose-text").fill("x" * 4001)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#compose-problem")).to_contain_text("at most 4000 characters")
    expect(page.locator("#compose-text")).to_have_value("x" * 4001)
    page.locator("#compose-text").fill("Shorter")
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_text(["Hello", "Shorter"])


def test_a_message_is_edited_taken_back_and_anothers_reported(page, bo, ada):
    threads.write_to(ada, bo, "Hello")
    threads.write_to(bo, ada, "Helo")
    go(page, Thread.begin(bo.inbox, ada.inbox).get_absolute_url())
    page.locator("#message-more-2").click()
    page.get_by_role("textbox", name="Message").fill("Hello, too")
    page.get_by_role("button", name="Save").click()
    expect(messages(page)).to_have_text(["Hello", "Hello, too"])
    page.locator("#message-more-2").click()
    page.get_by_role("button", name="Take it back").click()
    expect(messages(page)).to_have_text(["Hello"])
    page.locator("#message-more-1").click()
    page.get_by_role("textbox").last.fill("Too short")
    page.get_by_role("button", name="Report").click()
    expect(page.locator(".messages")).to_contain_text("Thank you.")


def test_a_reply_leads_to_the_conversation(page, bo, ada):
    threads.write_to(ada, bo, "Hello")
    page.reload()
    page.get_by_role("link", name="Reply").first.click()
    page.locator("#compose-text").fill("Hello Ada")
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_text(["Hello", "Hello Ada"])


def test_a_room_is_made_found_joined_and_left(page, ada):
    threads.start_room(ada, "Hall")
    go(page, "/threads/rooms/")
    page.get_by_role("button", name="Join").click()
    page.get_by_role("button", name="What you hear of it").click()
    page.get_by_role("button", name="Nothing").click()
    expect(page.get_by_role("button", name="What you hear of it: Nothing")).to_be_visible()
    page.get_by_role("button", name="Search, and more").click()
    page.get_by_role("button", name="Leave the room").click()
    page.get_by_role("button", name="Leave", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("You have left “Hall”.")


def test_somebody_is_blocked_and_unblocked(page, bo, ada):
    threads.write_to(ada, bo, "Hello")
    go(page, Thread.begin(bo.inbox, ada.inbox).get_absolute_url())
    page.get_by_role("button", name="Search, and more").click()
    page.get_by_role("button", name="Block this person").click()
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.locator("#compose")).to_contain_text("You have blocked Ada Okafor")
    page.locator("#compose").get_by_role("button", name="Unblock").click()
    expect(page.locator("#compose-text")).to_be_visible()
