"""Conversations in two browsers: what one writes the other sees, by keyboard, in place, and whatever comes between."""

import re

import pytest
from playwright.sync_api import Page, expect

from notifications import threads
from notifications.delivery import notify
from notifications.models import Inbox, Thread
from notifications.models.allowance import Allowance

from .pages import equals_a_reload, open_bell
from .test_narrow import LONG, NARROW, assert_fits

HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  const state = hidden ? "hidden" : "visible";
  Object.defineProperty(document, "visibilityState", { get: () => state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def talk(bo, ada):
    """What Bo and Ada say to each other."""
    threads.write_to(ada, bo, "Hello Bo.")
    threads.write_to(bo, ada, "Hello Ada.")
    return Thread.begin(bo.inbox, Inbox.objects.of(ada))


@pytest.fixture
def pages(window, bo, ada, talk):
    """The same conversation, as Bo has it open and as Ada has."""
    return window(bo).open(talk.get_absolute_url()), window(ada).open(talk.get_absolute_url())


def messages(page: Page):
    return page.locator("#messages .message-body")


def field(page: Page):
    return page.locator("#compose-text")


def say(page: Page, text: str) -> None:
    field(page).fill(text)
    field(page).press("Enter")
    expect(field(page)).to_have_value("")


def what_can_be_done(page: Page, number: int):
    page.locator(f"#message-{number}").hover()
    page.locator(f"#message-more-{number}").click()
    expect(page.locator("#more")).to_be_visible()
    return page.locator("#more")


def fill_with(thread: Thread, count: int, *users) -> None:
    content = threads.content_of("Hm.")
    for number in range(count):
        thread.post(users[number % len(users)].inbox, content, f"k{number}")


# Writing.


def test_with_the_keyboard_alone_somebody_is_found_written_to_and_answers(window, bo, chi):
    page = window(bo).open("/threads/new/")
    expect(page.locator("#id_to")).to_be_focused()
    page.keyboard.type("ch")
    expect(page.locator("#person-found button")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#id_to")).to_have_value("chi")
    page.keyboard.type("Are you there?")
    page.keyboard.press("Enter")
    expect(messages(page)).to_have_text(["Are you there?"])
    other = window(chi).open(page.url.removeprefix(window.url))
    expect(messages(other)).to_have_text(["Are you there?"])
    say(other, "Yes!")
    expect(messages(page)).to_have_text(["Are you there?", "Yes!"])
    assert equals_a_reload(page, bo)


def test_enter_finds_whom_one_means_however_quickly_it_comes(window, bo, dana):
    page = window(bo).open("/threads/new/")
    page.keyboard.type("dan")
    page.keyboard.press("Enter")
    expect(page.locator("#id_to")).to_have_value("dana")
    expect(page.locator("#id_text")).to_be_focused()


def test_arrows_go_through_those_who_were_found(window, bo, ada, dana):
    page = window(bo).open("/threads/new/")
    page.keyboard.type("a")
    expect(page.locator("#person-found button")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#person-found button").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#id_to")).to_have_value("dana")


def test_what_one_says_is_there_at_once_for_both_and_as_after_a_reload(pages, bo, ada):
    bos, adas = pages
    say(bos, "Lunch?")
    say(adas, "**Now.**")
    for page in pages:
        expect(messages(page)).to_have_text(["Hello Bo.", "Hello Ada.", "Lunch?", "Now."])
    assert equals_a_reload(bos, bo)
    assert equals_a_reload(adas, ada)


def test_whose_it_is_and_what_goes_on_is_marked_for_each_reader(pages):
    bos, adas = pages
    say(bos, "Lunch?")
    expect(bos.locator("#message-3")).to_have_attribute("data-own", "")
    expect(bos.locator("#message-3")).to_have_attribute("data-follows", "")
    expect(adas.locator("#message-3")).not_to_have_attribute("data-own", "")
    expect(adas.locator("#message-1")).to_have_attribute("data-own", "")


def test_shift_and_enter_begin_a_new_line(pages):
    bos, adas = pages
    field(bos).press_sequentially("One")
    field(bos).press("Shift+Enter")
    field(bos).press_sequentially("two")
    expect(field(bos)).to_have_value("One\ntwo")
    field(bos).press("Control+Enter")
    expect(messages(adas).last).to_have_text("One\ntwo", use_inner_text=True)


def test_nothing_at_all_says_nothing(pages, talk):
    bos, _adas = pages
    field(bos).fill("   ")
    field(bos).press("Enter")
    say(bos, "Then")
    expect(messages(bos)).to_have_text(["Hello Bo.", "Hello Ada.", "Then"])


def test_what_is_refused_stays_in_the_field_and_says_why(pages):
    bos, _adas = pages
    field(bos).fill("x" * 4001)
    bos.get_by_role("button", name="Send").click()
    expect(bos.locator("#compose-problem")).to_contain_text("at most 4000 characters")
    expect(field(bos)).to_have_value("x" * 4001)
    expect(bos.locator("#act-failed")).to_have_count(0)
    say(bos, "Shorter")
    expect(bos.locator("#compose-problem")).to_have_text("")


def test_a_lost_answer_and_a_second_press_say_it_once(pages):
    bos, adas = pages
    arrived = []

    def lose(route):
        arrived.append(route.fetch())
        route.abort()

    bos.route("**/say/", lose, times=1)
    field(bos).fill("Only once")
    field(bos).press("Enter")
    expect(bos.locator("#act-failed")).to_be_visible()
    expect(field(bos)).to_have_value("Only once")
    bos.reload()
    expect(field(bos)).to_have_value("Only once")
    field(bos).press("Enter")
    expect(field(bos)).to_have_value("")
    say(bos, "Then")
    expect(messages(adas)).to_have_text(["Hello Bo.", "Hello Ada.", "Only once", "Then"])
    assert len(arrived) == 1


def test_who_types_on_while_it_is_on_its_way_says_two_things(pages):
    bos, adas = pages
    waiting = []
    bos.route("**/say/", lambda route: waiting.append(route), times=1)
    field(bos).fill("One")
    field(bos).press("Enter")
    expect(bos.locator("#compose.htmx-request")).to_be_visible()
    field(bos).press("End")
    field(bos).press_sequentially(" and two")
    field(bos).press("Enter")
    waiting[0].continue_()
    expect(messages(adas)).to_have_text(["Hello Bo.", "Hello Ada.", "One", "and two"])
    expect(field(bos)).to_have_value("")


def test_the_same_word_twice_is_said_twice(pages):
    bos, adas = pages
    say(bos, "Ha")
    say(bos, "Ha")
    expect(messages(adas)).to_have_text(["Hello Bo.", "Hello Ada.", "Ha", "Ha"])


def test_a_draft_survives_a_reload_until_it_is_sent(pages, window, talk):
    bos, _adas = pages
    field(bos).press_sequentially("I have been thi")
    bos.goto(window.url + "/inbox/")
    bos.goto(window.url + talk.get_absolute_url())
    expect(field(bos)).to_have_value("I have been thi")
    say(bos, "I have been thinking.")
    bos.reload()
    expect(field(bos)).to_have_value("")


def test_without_a_socket_it_is_said_as_well(window, bo, talk):
    made = window(bo)
    made.context.route("**/ws/live/", lambda route: route.abort())
    made.context.route_web_socket("**/ws/live/", lambda socket: socket.close(code=1008))
    page = made.open(talk.get_absolute_url(), live=False)
    expect(page.locator("html")).to_have_attribute("data-live", "polling")
    say(page, "By post")
    expect(messages(page).last).to_have_text("By post")


# What becomes of a message.


def test_an_edit_is_seen_by_the_other_one(pages, bo, ada):
    bos, adas = pages
    panel = what_can_be_done(bos, 2)
    panel.get_by_role("textbox", name="Message").fill("Good morning, *Ada*.")
    panel.get_by_role("button", name="Save").click()
    expect(panel).to_be_hidden()
    expect(adas.locator("#message-2")).to_contain_text("Good morning, Ada.")
    expect(adas.locator("#message-2 .message-edited")).to_be_visible()
    expect(bos.locator("#message-2")).to_have_attribute("data-own", "")
    assert equals_a_reload(bos, bo)
    assert equals_a_reload(adas, ada)


def test_a_refused_edit_stays_open_with_its_text(pages):
    bos, _adas = pages
    panel = what_can_be_done(bos, 2)
    panel.get_by_role("textbox", name="Message").fill(" ")
    panel.get_by_role("button", name="Save").click()
    expect(panel.locator("#edit-problem")).to_have_text("Write something first.")
    expect(panel).to_be_visible()


def test_what_is_taken_back_goes_on_both_sides(pages, ada):
    bos, adas = pages
    panel = what_can_be_done(bos, 2)
    panel.get_by_role("button", name="Take it back").click()
    for page in pages:
        expect(messages(page)).to_have_text(["Hello Bo."])
    expect(bos.locator("#undo")).to_contain_text("Taken back.")
    assert equals_a_reload(adas, ada)


def test_a_message_is_reported_and_its_author_sees_nothing(pages):
    bos, _adas = pages
    panel = what_can_be_done(bos, 1)
    panel.get_by_role("textbox").fill("Too early")
    panel.get_by_role("button", name="Report").click()
    expect(bos.locator("#undo")).to_contain_text("Thank you.")
    expect(panel).to_be_hidden()


def test_its_link_is_copied_and_leads_to_it(window, bo, ada, talk):
    fill_with(talk, 80, bo, ada)
    made = window(bo)
    made.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = made.open(talk.get_absolute_url())
    page.get_by_role("link", name="Older messages").click()
    what_can_be_done(page, 20).get_by_role("link", name="Link to this message").click()
    expect(page.locator("#undo")).to_contain_text("The link is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto(link)
    expect(page.locator("#message-20")).to_be_in_viewport()


# Replying in place.


def test_a_reply_is_sent_from_the_row_and_reads_it(window, bo, ada, talk):
    said = threads.say(ada, talk, "Are you there?")
    page = window(bo).open()
    page.locator(f"#notification-{said.item_key}").hover()
    page.locator(f"#notification-reply-{said.item_key}").click()
    expect(page.locator("#reply-text")).to_be_focused()
    page.keyboard.type("Yes, here")
    page.keyboard.press("Enter")
    expect(page.locator("#undo")).to_contain_text("Sent.")
    expect(page.locator("#more")).to_be_hidden()
    expect(page.locator(f"#notification-{said.item_key}")).to_have_attribute("data-state", "read")
    assert talk.messages.last().body == "Yes, here"


def test_a_reply_from_the_bell_leaves_the_bell_open(window, bo, ada, talk):
    said = threads.say(ada, talk, "Are you there?")
    page = window(bo).open()
    open_bell(page)
    page.locator(f"#bell-{said.item_key}").hover()
    page.locator(f"#bell-reply-{said.item_key}").click()
    expect(page.locator("#reply-text")).to_be_focused()
    expect(page.locator("#bell")).to_be_visible()
    box = page.locator("#more").bounding_box()
    assert box["y"] > 40


def test_a_refused_reply_says_why_where_it_is_written(window, bo, ada, talk):
    said = threads.say(ada, talk, "Are you there?")
    page = window(bo).open()
    page.locator(f"#notification-{said.item_key}").hover()
    page.locator(f"#notification-reply-{said.item_key}").click()
    expect(page.locator("#reply-text")).to_be_focused()
    threads.block(ada, bo)
    page.locator("#reply-text").fill("Yes")
    page.locator("#reply-text").press("Enter")
    expect(page.locator("#reply-problem")).to_contain_text("You cannot write to")
    expect(page.locator("#reply-text")).to_have_value("Yes")


# The end of the list.


def test_who_is_at_the_end_stays_there_and_who_reads_above_is_told(window, bo, ada, talk):
    fill_with(talk, 40, bo, ada)
    page = window(bo).open(talk.get_absolute_url())
    expect(page.locator("#message-42")).to_be_in_viewport()
    expect(page.locator("#here")).to_contain_text("Bo", timeout=15_000)  # the head grows by who is there
    threads.say(ada, talk, "New at the end")
    expect(page.locator("#message-43")).to_be_in_viewport()
    page.mouse.wheel(0, -900)
    expect(page.locator("#message-43")).not_to_be_in_viewport()
    at = page.evaluate("scrollY")
    threads.say(ada, talk, "New below")
    threads.say(ada, talk, "And more")
    expect(page.locator("#new-messages")).to_have_text("2 new")
    assert page.evaluate("scrollY") == at
    page.locator("#new-messages").click()
    expect(page.locator("#message-44")).to_be_focused()
    expect(page.locator("#message-45")).to_be_in_viewport()
    expect(page.locator("#new-messages")).to_be_hidden()


def test_ones_own_message_leads_to_the_end(window, bo, ada, talk):
    fill_with(talk, 40, bo, ada)
    page = window(bo).open(talk.get_absolute_url())
    page.mouse.wheel(0, -900)
    expect(page.locator("#message-42")).not_to_be_in_viewport()
    say(page, "Mine")
    expect(page.locator("#message-43")).to_be_in_viewport()


def test_older_messages_come_in_above_and_nothing_jumps(window, bo, ada, talk):
    fill_with(talk, 120, bo, ada)
    page = window(bo).open(talk.get_absolute_url())
    link = page.get_by_role("link", name="Older messages")
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    link.focus()
    first = page.locator("#messages .message").first
    name = first.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.locator("#messages .message")).to_have_count(100)
    expect(page.locator(f"#{name}")).to_be_in_viewport()
    expect(page.locator("#messages .message").nth(49)).to_be_focused()
    threads.edit(bo, talk.messages.filter(author=bo, number__gt=30).first(), "Changed")
    expect(page.locator("#messages")).to_contain_text("Changed")
    link.click()
    expect(page.locator("#messages .message")).to_have_count(122)
    expect(link).to_have_count(0)
    assert page.locator("#messages .message").evaluate_all(
        "rows => rows.every((row, i) => row.id === `message-${i + 1}`)"
    )


# Who is here.


def test_who_looks_at_it_is_here_and_a_hidden_tab_is_not(pages):
    bos, adas = pages
    expect(bos.locator("#here")).to_contain_text("Ada Okafor")
    expect(adas.locator("#here")).to_contain_text("Bo Lindqvist")
    bos.evaluate(HIDE, True)
    expect(adas.locator("#here")).not_to_contain_text("Bo Lindqvist", timeout=30_000)
    bos.evaluate(HIDE, False)
    expect(adas.locator("#here")).to_contain_text("Bo Lindqvist")


def test_who_is_dismissed_sees_nothing_of_it_any_more_until_they_are_back(window, bo, ada):
    room = threads.start_room(bo, "Kitchen", is_open=False)
    threads.invite(bo, room, [ada])
    threads.say(bo, room, "The secret ingredient is salt.")
    page = window(ada).open("/rooms/kitchen/")
    expect(messages(page)).to_have_count(1)
    field(page).fill("Half a thought")
    threads.dismiss(bo, room, ada.inbox)
    expect(messages(page)).to_have_count(0)
    expect(page.locator("#thread-head")).to_contain_text("not (or no longer) yours to see")
    expect(field(page)).to_be_hidden()
    expect(page.get_by_text("Nobody has said anything yet")).to_be_hidden()
    threads.invite(bo, room, [ada])
    expect(messages(page)).to_have_count(1)
    expect(field(page)).to_have_value("Half a thought")
    expect(field(page)).to_be_visible()


# Rooms, and the list.


def test_a_room_is_made_people_are_invited_and_talk(window, bo, chi):
    page = window(bo).open("/threads/rooms/new/")
    page.get_by_label("Name", exact=True).fill("Night shift")
    page.get_by_label("Who is invited").check()
    page.get_by_role("button", name="Make the room").click()
    page.get_by_role("link", name="People").click()
    page.locator("#people-search").press_sequentially("chi")
    expect(page.locator("#people-found button")).to_have_count(1)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Invite").click()
    expect(page.locator(".messages")).to_contain_text("1 person is in here now, and was told.")
    other = window(chi).open("/rooms/night-shift/")
    say(other, "Guten Abend")
    page.goto(window.url + "/rooms/night-shift/")
    expect(messages(page)).to_have_text(["Guten Abend"])


def test_what_one_hears_of_a_room_is_chosen_from_its_menu(window, bo):
    threads.start_room(bo, "Kitchen")
    page = window(bo).open("/rooms/kitchen/")
    page.get_by_role("button", name="What you hear of it").click()
    page.get_by_role("button", name="Mentions only").click()
    expect(page.get_by_role("button", name="What you hear of it: Mentions only")).to_be_visible()


def test_the_list_learns_of_what_is_said_while_it_is_open(window, bo, ada, talk):
    page = window(bo).open("/threads/")
    threads.say(ada, talk, "Come quickly")
    expect(page.locator(f"#thread-{talk.pk}")).to_contain_text("Come quickly")


# Narrow, and whatever stands in it.


@pytest.fixture(params=["bo", "dana"])
def reader(request):
    return request.getfixturevalue(request.param)


def fill(reader, ada) -> list[str]:
    """Addresses with everything that may be too wide."""
    room = threads.start_room(ada, LONG[:80], about=LONG[:300])
    threads.invite(ada, room, [reader])
    threads.say(ada, room, f"{LONG} https://example.com/{'x' * 300}")
    threads.say(ada, room, f"```\n{'y' * 300}\n```")
    threads.say(reader, room, f"> {LONG}")
    threads.start_room(ada, f"Open {LONG}"[:80], about=LONG)
    threads.write_to(ada, reader, LONG)
    talk = Thread.begin(reader.inbox, ada.inbox)
    Allowance.objects.all().delete()
    notify(reader, title="Lunch")
    of_room = [f"/threads/{room.pk}/people/", f"/threads/{room.pk}/3/", f"{room.get_absolute_url()}?q=Donau"]
    lists = ["/threads/", "/threads/new/", "/threads/rooms/", "/threads/rooms/new/", "/inbox/preferences/", "/inbox/"]
    return [room.get_absolute_url(), *of_room, talk.get_absolute_url(), *lists]


def test_everything_fits_a_narrow_window(window, reader, ada):
    page = window(reader, viewport=NARROW).open("/threads/")
    assert_fits(page)
    for path in fill(reader, ada):
        page.goto(window.url + path)
        assert_fits(page)


def test_menus_fit_a_narrow_window(window, reader, ada):
    room = fill(reader, ada)[0]
    page = window(reader, viewport=NARROW, has_touch=True).open(room)
    for button in ("[popovertarget=level-menu]", ".thread-tools [popovertarget=thread-menu]"):
        page.locator(button).click()
        box = page.locator(":popover-open").bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= NARROW["width"]
        page.keyboard.press("Escape")
    page.locator("#message-more-3").click()
    expect(page.locator("#more")).to_be_visible()
    assert_fits(page)


def test_a_place_in_the_header_says_where_one_is(window, bo):
    page = window(bo).open("/threads/")
    expect(page.locator(".talk-link")).to_have_attribute("aria-current", "true")
    page.goto(window.url + "/inbox/")
    expect(page.locator(".talk-link")).not_to_have_attribute("aria-current", re.compile("."))
