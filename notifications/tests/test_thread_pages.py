"""The pages of threads: the list, a conversation, writing, rooms and their people. Strangers find none of it, what is
refused says why, and nothing that was typed is lost."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications import threads
from notifications.delivery import notify
from notifications.models import Block, Follow, Inbox, Message, Report, Thread, TooFast
from notifications.models.allowance import MESSAGES, Allowance
from notifications.testing.dom import Document, squeeze
from notifications.thread_forms import too_fast
from notifications.thread_lists import PAGE_LENGTH

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}
LIST = reverse("notifications:threads")
NEW, NEW_ROOM, ROOMS = (reverse(f"notifications:{name}") for name in ("new_thread", "new_room", "rooms"))
PREFERENCES = reverse("notifications:preferences")
HOSTILE = "<script>alert('x')</script>"


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def reader(bo):
    return signed_in(bo)


@pytest.fixture
def stranger(chi):
    return signed_in(chi)


@pytest.fixture
def talk(bo, ada):
    """What Bo and Ada say to each other; Chi must never see it."""
    threads.write_to(ada, bo, "Hello Bo, the **soup** is ready.")
    threads.write_to(bo, ada, "I come at once.")
    return Thread.begin(bo.inbox, ada.inbox)


@pytest.fixture
def room(bo, ada):
    """Bo keeps it, and Ada is in it. It is by invitation."""
    room = threads.start_room(bo, "Kitchen", about="Who cooks.", is_open=False)
    threads.invite(bo, room, [ada])
    threads.say(ada, room, "Who has the big pot?")
    return room


@pytest.fixture
def hall(ada):
    """Ada keeps it, and everybody may come in."""
    hall = threads.start_room(ada, "Hall", about="For everybody.")
    threads.say(ada, hall, "Welcome.")
    return hall


def url(name: str, *args: object) -> str:
    return reverse(f"notifications:{name}", args=args)


def page(client: Client, address: str, **data: str) -> str:
    answer = client.get(address, data)
    assert answer.status_code == 200, address
    return answer.content.decode()


def words(client: Client, address: str, selector: str = "main", **data: str) -> str:
    return squeeze(Document(page(client, address, **data)).text(selector))


def bodies(thread: Thread) -> list[str]:
    return list(thread.messages.order_by("number").values_list("body", flat=True))


def key_of(html: str) -> str:
    return re.search(r'id="compose-key" value="([^"]+)"', html)[1]


# The list.


def test_the_list_shows_with_whom_what_was_said_last_and_how_much_is_unread(reader, bo, ada, talk, room):
    threads.say(ada, talk, "Where are you?")
    shown = words(reader, LIST, "#threads")
    assert "Ada Okafor" in shown
    assert "Where are you?" in shown
    assert "1 unread" in shown
    assert "Kitchen" in shown
    assert "Ada Okafor: Who has the big pot?" in shown


def test_what_one_has_said_last_oneself_is_ones_own(reader, talk):
    assert "You: I come at once." in words(reader, LIST, "#threads")


def test_a_muted_one_is_marked(reader, bo, talk):
    talk.choose(bo.inbox, "nothing")
    assert "Muted" in words(reader, LIST, "#threads")


def test_whoever_has_no_conversation_is_told_how_to_begin_one(reader):
    assert "The line is open" in words(reader, LIST)


def test_nobody_lists_what_others_say_to_each_other(stranger, talk, room):
    html = page(stranger, LIST)
    assert "soup" not in html
    assert "Kitchen" not in html


def test_scripts_ask_for_the_list_alone(reader, talk):
    answer = reader.get(LIST, headers=HTMX).content.decode()
    assert "Ada Okafor" in answer
    assert "<html" not in answer


def test_the_list_costs_the_same_for_many(reader, bo, ada, dana, talk):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            reader.get(LIST)
        return len(queries)

    asked()
    before = asked()
    for number in range(9):
        threads.say(bo, threads.start_room(bo, f"Room {number}"), "Hello")
        Allowance.objects.all().delete()
    threads.write_to(dana, bo, "Hello")
    assert asked() == before


# A conversation.


def test_a_conversation_shows_its_messages_and_with_whom_it_is(reader, talk):
    html = page(reader, url("thread", talk.pk))
    assert "Ada Okafor" in Document(html).text("#thread-head")
    assert "<strong>soup</strong>" in html
    assert squeeze(Document(html).text("#messages")).count("I come at once.") == 1


def test_a_room_is_at_home_at_its_name(reader, room):
    answer = reader.get(url("thread", room.pk))
    assert (answer.status_code, answer["Location"]) == (302, "/rooms/kitchen/")
    assert "Who cooks." in words(reader, "/rooms/kitchen/", "#thread-head")
    assert "2 people" in words(reader, "/rooms/kitchen/", "#thread-head")


def test_opening_it_reads_what_rings_for_it(reader, bo, ada, talk):
    threads.say(ada, talk, "Are you there?")
    assert Inbox.objects.get(user=bo).unread_count == 1
    html = page(reader, url("thread", talk.pk))
    assert Inbox.objects.get(user=bo).unread_count == 0
    assert 'data-count="0"' in html[html.index('id="badge"') :][:80]


@pytest.mark.parametrize("query", ["?before=2", "?q=soup"])
def test_a_page_of_something_else_reads_nothing(reader, bo, ada, talk, query):
    threads.say(ada, talk, "Are you there?")
    page(reader, url("thread", talk.pk) + query)
    assert Inbox.objects.get(user=bo).unread_count == 1


def test_the_page_says_where_its_thread_stands(reader, talk):
    form = Document(page(reader, url("thread", talk.pk))).inputs("#resume")
    talk.refresh_from_db()
    assert form["thread"] == str(talk.pk)
    assert form["thread_at"] == str(talk.revision)
    assert form["thread_read"] == "2"
    assert form["thread_from"] == f"0@{talk.revision}"
    assert form["here"] == ""


@pytest.mark.parametrize("query", ["?before=2", "?q=soup"])
def test_pages_that_are_no_live_ones_say_nothing_of_a_thread(reader, talk, query):
    form = Document(page(reader, url("thread", talk.pk) + query)).inputs("#resume")
    assert form["thread"] == ""
    assert "thread_at" not in form


def long_talk(bo, thread: Thread, count: int = PAGE_LENGTH + 5) -> None:
    content = threads.content_of("Hm.")
    for number in range(count):
        thread.post(bo.inbox, content, f"k{number}")


def test_older_messages_are_a_page_of_their_own_or_come_into_the_page(reader, bo, talk):
    long_talk(bo, talk)
    html = page(reader, url("thread", talk.pk))
    assert "Hello Bo" not in html
    older = re.search(r'href="([^"]+before=\d+)"', html)[1]
    assert "Hello Bo" in words(reader, older, "#messages")
    part = reader.get(older, headers=HTMX).content.decode()
    assert part.startswith("{#") is False
    assert '<hx-upsert hx-target="#messages"' in part
    assert 'id="thread-from" value="0@' in part


def test_a_conversation_costs_the_same_for_many_messages(reader, bo, talk):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(reader, url("thread", talk.pk))
        return len(queries)

    asked()
    before = asked()
    long_talk(bo, talk, 40)
    asked()
    assert asked() == before


def test_who_may_change_every_room_changes_an_open_one_without_joining(bo, hall):
    client = officer(bo, "change_thread")
    address = url("edit_room", hall.pk)
    assert f'href="{address}"' in page(client, "/rooms/hall/")
    assert client.get(address).status_code == 200


def test_a_page_before_something_odd_is_not_found(reader, talk):
    assert reader.get(url("thread", talk.pk), {"before": "x"}).status_code == 404


def test_searching_finds_messages_and_leads_to_them(reader, bo, talk):
    long_talk(bo, talk)
    html = page(reader, url("thread", talk.pk), q="sou read")
    place = re.search(r'href="([^"]+#message-1)"', html)[1].replace("&amp;", "&")
    assert 'id="message-1"' in page(reader, place.partition("#")[0])
    assert "Nothing was found" in words(reader, url("thread", talk.pk), q="zebra")


def test_what_is_said_can_do_nothing_but_be_read(reader, ada, talk):
    threads.say(ada, talk, HOSTILE)
    html = page(reader, url("thread", talk.pk))
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html


def test_messages_are_the_same_for_both(reader, ada, talk):
    mine, theirs = (page(client, url("thread", talk.pk)) for client in (reader, signed_in(ada)))
    rows = re.compile(r'<li id="message-\d+".*?</li>', re.DOTALL)
    assert rows.findall(mine) == rows.findall(theirs) != []


# Writing.


def test_saying_something_leads_back_to_the_conversation(reader, talk):
    address = url("thread", talk.pk)
    answer = reader.post(url("say", talk.pk), {"text": "On my way", "key": "k", "next": address})
    assert (answer.status_code, answer["Location"]) == (302, f"{address}#message-{talk.messages.count()}")
    assert bodies(talk)[-1] == "On my way"


def test_with_a_script_the_form_gets_another_key_and_the_message_comes_by_the_socket(reader, talk):
    answer = reader.post(url("say", talk.pk), {"text": "On my way", "key": "k", "live": "on"}, headers=HTMX)
    assert answer.status_code == 200
    assert key_of(answer.content.decode()) != "k"
    assert "On my way" not in answer.content.decode()


def test_without_a_socket_the_answer_brings_the_message(reader, talk):
    form = Document(page(reader, url("thread", talk.pk))).inputs("#resume")
    answer = reader.post(url("say", talk.pk), {**form, "text": "On my way", "key": "k", "live": ""}, headers=HTMX)
    assert "On my way" in answer.content.decode()


def test_the_same_form_sent_twice_says_it_once(reader, talk):
    for _time in range(2):
        reader.post(url("say", talk.pk), {"text": "On my way", "key": "k"})
    assert bodies(talk).count("On my way") == 1


def test_a_text_that_was_changed_after_an_answer_was_lost_is_said_as_well(reader, talk):
    reader.post(url("say", talk.pk), {"text": "On my way", "key": "k"})
    reader.post(url("say", talk.pk), {"text": "On my way, with bread", "key": "k"})
    assert bodies(talk)[-2:] == ["On my way", "On my way, with bread"]


@pytest.mark.parametrize(("text", "why"), [("  ", "Write something first."), ("x" * 4001, "this one has 4001")])
def test_what_cannot_be_said_is_refused_in_words_and_the_text_stays(reader, talk, text, why):
    with_script = reader.post(url("say", talk.pk), {"text": text, "key": "k"}, headers=HTMX)
    assert with_script.status_code == 422
    assert why in with_script.content.decode()
    without = reader.post(url("say", talk.pk), {"text": text, "key": "k"})
    assert without.status_code == 422
    assert why in Document(without.content.decode()).text("#compose-problem")
    assert Document(without.content.decode()).text("#compose-text").strip() == text.strip()
    assert len(bodies(talk)) == 2


def test_who_is_too_fast_is_told_how_long_to_wait(reader, bo, talk):
    with pytest.raises(TooFast):
        for _time in range(MESSAGES.count + 1):
            Allowance.spend(bo.inbox.pk, MESSAGES)
    answer = reader.post(url("say", talk.pk), {"text": "Hello", "key": "k"}, headers=HTMX)
    assert answer.status_code == 422
    assert re.search(r"Too many messages\. Please wait \d+ seconds?\.", answer.content.decode())


@pytest.mark.parametrize(
    ("wait", "said"),
    [(1, "wait 1 second."), (12, "wait 12 seconds."), (121, "wait 3 minutes."), (180, "wait 3 minutes.")],
)
def test_a_long_wait_is_told_in_minutes(wait, said):
    assert too_fast(wait).endswith(said)


def test_the_page_of_a_refusal_leads_back_to_the_conversation(reader, talk):
    answer = reader.post(url("say", talk.pk), {"text": "", "key": "k"})
    assert Document(answer.content.decode()).inputs("#act")["next"] == url("thread", talk.pk)


# Writing to somebody.


def test_writing_to_somebody_begins_a_conversation_and_leads_to_it(reader, bo, dana):
    answer = reader.post(NEW, {"to": "dana", "text": "Hello", "key": "k"})
    begun = Thread.begin(bo.inbox, Inbox.objects.of(dana))
    assert answer["Location"] == url("thread", begun.pk)
    assert bodies(begun) == ["Hello"]


def test_the_same_letter_sent_twice_is_one(reader, bo, dana):
    for _time in range(2):
        reader.post(NEW, {"to": "@dana", "text": "Hello", "key": "k"})
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"to": "nobody", "text": "Hello"}, "There is nobody with the user name “nobody”."),
        ({"to": "", "text": "Hello"}, "Whom do you want to write to?"),
        ({"to": "dana", "text": " "}, "Write something first."),
        ({"to": "bo", "text": "Hello"}, "Choose somebody else to write to."),
    ],
)
def test_a_letter_that_cannot_be_sent_says_why_and_nothing_that_was_typed_is_lost(reader, dana, typed, why):
    answer = reader.post(NEW, typed)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert why in html
    assert f'value="{typed["to"]}"' in html or not typed["to"]
    assert Document(html).text("#id_text").strip() == typed["text"].strip()
    assert Message.objects.count() == 0


def test_who_has_blocked_one_cannot_be_written_to(reader, bo, dana):
    threads.block(dana, bo)
    answer = reader.post(NEW, {"to": "dana", "text": "Hello"})
    assert answer.status_code == 422
    assert "You cannot write to" in answer.content.decode()


def test_a_link_names_whom_to_write_to_or_leads_to_the_conversation_there_is(reader, dana, talk):
    assert 'value="dana"' in page(reader, NEW, to="dana")
    assert reader.get(NEW, {"to": "ada"})["Location"] == url("thread", talk.pk)


def suggested(client: Client, typed: str) -> list[str]:
    return re.findall(r'data-name="([^"]+)"', page(client, url("find_reader"), q=typed))


def test_people_are_found_by_parts_of_their_names_but_not_by_their_addresses(reader, ada, dana, chi):
    assert suggested(reader, "oka") == ["ada"]
    assert suggested(reader, "a") == ["ada", "dana"]
    assert suggested(reader, "example.com") == []
    assert suggested(reader, " ") == []


def test_nobody_finds_oneself_nor_whom_one_is_blocked_by(reader, bo, dana):
    threads.block(dana, bo)
    assert suggested(reader, "bo") == []
    assert suggested(reader, "dana") == []


def test_at_most_eight_are_suggested(reader, django_user_model):
    for number in range(12):
        django_user_model.objects.create_user(f"twin{number}")
    assert len(suggested(reader, "twin")) == 8


# Strangers.

OF_A_THREAD = ["thread", "reply"]
OF_A_ROOM = ["members", "edit_room"]
ACTS_OF_A_THREAD = ["say", "choose_level", "block_reader", "unblock_reader"]
ACTS_OF_A_ROOM = ["join_room", "leave_room", "invite"]
ACTS_OF_A_MESSAGE = ["edit_message", "retract_message", "report_message"]


def test_strangers_find_nothing_at_any_address(stranger, bo, talk, room):
    pages = [url(name, talk.pk) for name in OF_A_THREAD] + [url(name, room.pk) for name in OF_A_ROOM]
    pages += [url("room", room.name), url("message", talk.pk, 1), url("message", room.pk, 1)]
    assert {stranger.get(address).status_code for address in pages} == {404}
    acts = [url(name, talk.pk) for name in ACTS_OF_A_THREAD] + [url(name, room.pk) for name in ACTS_OF_A_ROOM]
    acts += [url(name, talk.pk, 1) for name in ACTS_OF_A_MESSAGE] + [url("dismiss_member", room.pk, bo.inbox.pk)]
    said = {"text": "Let me in", "level": "nothing", "names": "chi", "reason": "x"}
    assert {stranger.post(address, said).status_code for address in acts} == {404}
    assert not Follow.objects.filter(inbox__user__username="chi").exists()


def test_staff_with_every_permission_read_no_private_talk(ada, bo, dana):
    threads.write_to(bo, dana, "Between us")
    ada.is_superuser = ada.is_staff = True
    ada.save()
    between = Thread.begin(bo.inbox, Inbox.objects.of(dana))
    assert signed_in(ada).get(url("thread", between.pk)).status_code == 404
    assert signed_in(ada).get("/admin/notifications/message/").status_code == 404
    assert signed_in(ada).get("/admin/notifications/thread/").status_code == 404


def test_acts_refuse_get(reader, bo, talk, room):
    acts = [url(name, talk.pk) for name in ACTS_OF_A_THREAD] + [url(name, room.pk) for name in ACTS_OF_A_ROOM]
    acts += [url(name, talk.pk, 1) for name in ACTS_OF_A_MESSAGE] + [url("dismiss_member", room.pk, bo.inbox.pk)]
    acts += [url("become_visible"), url("become_invisible"), url("unblock", 1)]
    assert {reader.get(address).status_code for address in acts} == {405}


def test_who_is_dismissed_while_reading_finds_nothing_any_more(bo, ada, room):
    reader = signed_in(ada)
    page(reader, "/rooms/kitchen/")
    threads.dismiss(bo, room, ada.inbox)
    assert reader.get("/rooms/kitchen/").status_code == 404
    assert reader.post(url("say", room.pk), {"text": "Still here"}).status_code == 404


# One message.


def test_what_can_be_done_with_ones_own_message_and_with_anothers(reader, talk):
    own, other = (words(reader, url("message", talk.pk, number)) for number in (2, 1))
    assert "Edit" in own
    assert "Take it back" in own
    assert "Report it" not in own
    assert "Report it" in other
    assert "Edit" not in other
    assert "Take it back" not in other


def test_who_keeps_a_room_may_take_back_what_others_said_there(reader, room):
    assert "Take it back" in words(reader, url("message", room.pk, 1))


def test_its_form_has_the_text_as_it_was_typed(ada, talk):
    html = page(signed_in(ada), url("message", talk.pk, 1))
    assert Document(html).text("#edit-text").strip() == "Hello Bo, the **soup** is ready."


def test_the_page_that_asks_gets_it_as_a_part(reader, talk):
    answer = reader.get(url("message", talk.pk, 2), headers=HTMX).content.decode()
    assert "<html" not in answer
    assert f'href="http://testserver/threads/{talk.pk}/#message-2"' in answer


def test_editing_changes_what_is_said(reader, talk):
    for _time in range(2):
        answer = reader.post(url("edit_message", talk.pk, 2), {"text": "I come *soon*.", "next": "/threads/"})
        assert answer["Location"] == "/threads/"
    assert bodies(talk)[1] == "I come *soon*."
    assert "edited" in words(reader, url("thread", talk.pk), "#message-2")


def test_an_edit_that_cannot_be_is_refused_and_the_text_stays(reader, talk):
    with_script = reader.post(url("edit_message", talk.pk, 2), {"text": ""}, headers=HTMX)
    assert (with_script.status_code, with_script.content.decode().strip()) == (422, "Write something first.")
    without = reader.post(url("edit_message", talk.pk, 2), {"text": "x" * 4001})
    assert without.status_code == 422
    assert Document(without.content.decode()).text("#edit-text").strip() == "x" * 4001
    assert bodies(talk)[1] == "I come at once."


def test_nobody_edits_what_another_has_said(reader, talk):
    answer = reader.post(url("edit_message", talk.pk, 1), {"text": "I never said that"}, headers=HTMX)
    assert answer.status_code == 422
    assert bodies(talk)[0] == "Hello Bo, the **soup** is ready."


def test_taking_back_leaves_nothing_and_twice_is_once(reader, talk):
    for _time in range(2):
        assert reader.post(url("retract_message", talk.pk, 2)).status_code == 302
    assert bodies(talk)[1] == ""
    assert reader.get(url("message", talk.pk, 2)).status_code == 404
    assert "I come at once" not in page(reader, url("thread", talk.pk))


def test_nobody_takes_back_what_another_has_said(reader, talk):
    answer = reader.post(url("retract_message", talk.pk, 1), headers=HTMX)
    assert answer.status_code == 422
    assert bodies(talk)[0]


def test_reporting_tells_staff_once_and_thanks(reader, talk):
    for _time in range(2):
        answer = reader.post(url("report_message", talk.pk, 1), {"reason": "Too loud"}, headers=HTMX)
        assert "Thank you" in answer.content.decode()
    assert [(one.body, one.reason) for one in Report.objects.all()] == [
        ("Hello Bo, the **soup** is ready.", "Too loud")
    ]


# Replying where a notification stands.


def test_rows_of_messages_have_a_reply_and_others_have_none(reader, ada, talk):
    threads.say(ada, talk, "Are you there?")
    html = page(reader, "/inbox/")
    address = f"{url('reply', talk.pk)}?to=message-{talk.pk}-3"
    assert f'href="{address}" id="notification-reply-message-{talk.pk}-3"' in html
    notify(ada, title="Lunch", target=talk, key="lunch")
    assert "notification-reply-" not in page(signed_in(ada), "/inbox/?view=category:general")


def test_a_reply_is_written_in_place_or_in_the_conversation(reader, talk):
    form = reader.get(url("reply", talk.pk), {"to": "message-1-1"}, headers=HTMX).content.decode()
    assert 'name="to" value="message-1-1"' in form
    assert "<html" not in form
    assert reader.get(url("reply", talk.pk))["Location"] == url("thread", talk.pk)


def test_replying_says_it_and_reads_the_notification(reader, bo, ada, talk):
    said = threads.say(ada, talk, "Are you there?")
    words = {"text": "Yes", "key": "k", "to": said.item_key, "live": "on"}
    answer = reader.post(url("say", talk.pk), words, headers=HTMX).content.decode()
    assert '<hx-partial hx-target="#undo"' in answer
    assert "Sent." in answer
    assert "compose-key" not in answer
    assert bo.inbox.notifications.get(key=said.item_key).read_at
    assert bodies(talk)[-1] == "Yes"


# Rooms.


def test_a_room_is_made_and_its_maker_is_in_it(reader, bo):
    answer = reader.post(NEW_ROOM, {"title": "Ops & Deploys", "about": "Ships", "is_open": "1"})
    assert answer["Location"] == "/rooms/ops-deploys/"
    made = Thread.objects.get(topic="room:ops-deploys")
    assert (made.is_open, made.keeper) == (True, bo)
    assert "Ops & Deploys" in words(reader, LIST, "#threads")


def test_a_room_is_by_invitation_unless_it_is_said_to_be_open(reader):
    reader.post(NEW_ROOM, {"title": "Quiet"})
    assert not Thread.objects.get(topic="room:quiet").is_open


@pytest.mark.parametrize(
    ("title", "why"),
    [("", "A room needs a name."), ("Kitchen", "of the name “kitchen” already"), ("x" * 81, "at most 80")],
)
def test_a_room_that_cannot_be_made_says_why_and_nothing_that_was_typed_is_lost(reader, room, title, why):
    answer = reader.post(NEW_ROOM, {"title": title, "about": "Something", "is_open": ""})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert why in html
    assert 'value="Something"' in html
    assert title in html


def test_open_rooms_are_found_while_one_is_not_in_them(reader, bo, ada, hall, room):
    assert "Hall" in words(reader, ROOMS)
    assert "Kitchen" not in words(signed_in(ada), ROOMS)
    assert "No room of that name" in words(reader, ROOMS, q="zzz")
    assert "Hall" in words(reader, ROOMS, q="hal")
    threads.join(bo, hall)
    assert "Hall" not in words(reader, ROOMS)


def test_an_open_room_can_be_read_and_written_in_before_one_joins(reader, bo, hall):
    html = page(reader, "/rooms/hall/")
    assert "Welcome." in html
    assert "Writing here joins the room." in html
    reader.post(url("say", hall.pk), {"text": "Hello", "key": "k"})
    assert hall.follows.filter(inbox=bo.inbox).exists()
    assert "Writing here joins the room." not in page(reader, "/rooms/hall/")


def test_joining_leads_into_the_room_and_leaving_out_of_it(reader, bo, hall):
    for _time in range(2):
        assert reader.post(url("join_room", hall.pk))["Location"] == "/rooms/hall/"
    assert hall.follows.filter(inbox=bo.inbox).count() == 1
    for _time in range(2):
        assert reader.post(url("leave_room", hall.pk))["Location"] == LIST
    assert not hall.follows.filter(inbox=bo.inbox).exists()


def test_who_has_left_a_room_by_invitation_finds_it_no_more(ada, room):
    client = signed_in(ada)
    client.post(url("leave_room", room.pk))
    assert client.get("/rooms/kitchen/").status_code == 404
    assert client.post(url("join_room", room.pk)).status_code == 404


def test_who_keeps_a_room_changes_it_and_others_find_no_such_page(reader, ada, room):
    answer = reader.post(url("edit_room", room.pk), {"title": "The kitchen", "about": "Soup.", "is_open": "1"})
    assert answer["Location"] == "/rooms/kitchen/"
    assert "The kitchen" in words(reader, "/rooms/kitchen/", "#thread-head")
    assert signed_in(ada).get(url("edit_room", room.pk)).status_code == 404
    assert reader.post(url("edit_room", room.pk), {"title": ""}).status_code == 422


# Who is in a room.


def test_people_of_a_room_are_listed_and_its_keeper_is_named(reader, room):
    shown = words(reader, url("members", room.pk))
    assert "Ada Okafor" in shown
    assert "@bo · keeps this room" in shown


def test_inviting_lets_people_in_and_tells_them(reader, dana, chi, room):
    answer = reader.post(url("invite", room.pk), {"names": "dana\n@chi"})
    assert answer["Location"] == url("members", room.pk)
    assert "2 people are in here now" in words(reader, url("members", room.pk))
    assert Inbox.objects.of(dana).notifications.get().verb == "room.invited"
    reader.post(url("invite", room.pk), {"names": "dana"})
    assert "Nobody is new in here" in words(reader, url("members", room.pk))
    assert Inbox.objects.of(dana).notifications.count() == 1


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("dana, nobody, nix", "Nobody has these user names: nobody, nix"),
        ("dana nix", "Nobody has this user name: nix"),
        (" , ", "Whom do you want to invite?"),
    ],
)
def test_names_that_are_nobodys_are_named_and_nobody_is_invited(reader, dana, room, names, why):
    answer = reader.post(url("invite", room.pk), {"names": names})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert why in html
    assert Document(html).text("#id_names").strip() == names.strip()
    assert room.follows.count() == 2


def test_only_who_is_inside_invites(reader, dana, hall):
    answer = reader.post(url("invite", hall.pk), {"names": "dana"})
    assert answer.status_code == 422
    assert "Only who is in a room can invite others." in answer.content.decode()


def test_who_keeps_a_room_shows_people_out_of_it(reader, ada, room):
    for _time in range(2):
        answer = reader.post(url("dismiss_member", room.pk, ada.inbox.pk), {"next": url("members", room.pk)})
        assert answer["Location"] == url("members", room.pk)
    assert not room.follows.filter(inbox=ada.inbox).exists()


def test_others_show_nobody_out(ada, bo, room):
    signed_in(ada).post(url("dismiss_member", room.pk, bo.inbox.pk))
    assert room.follows.filter(inbox=bo.inbox).exists()
    assert "Remove" not in words(signed_in(ada), url("members", room.pk))


# How much one wants to hear.


@pytest.mark.parametrize("level", ["everything", "mentions", "nothing"])
def test_a_level_is_chosen(reader, bo, room, level):
    for _time in range(2):
        answer = reader.post(url("choose_level", room.pk), {"level": level, "next": "/rooms/kitchen/"})
        assert answer["Location"] == "/rooms/kitchen/"
    assert room.follows.get(inbox=bo.inbox).level == level
    assert f'value="{level}" aria-pressed="true"' in page(reader, "/rooms/kitchen/")


def test_another_level_is_refused(reader, bo, room):
    reader.post(url("choose_level", room.pk), {"level": "loud"})
    assert room.follows.get(inbox=bo.inbox).level == "everything"


def test_a_conversation_of_two_is_muted_and_heard_again(reader, bo, ada, talk):
    page(reader, url("thread", talk.pk))
    reader.post(url("choose_level", talk.pk), {"level": "nothing"})
    threads.say(ada, talk, "Do you hear me?")
    assert Inbox.objects.get(user=bo).unread_count == 0
    assert 'value="everything"' in page(reader, url("thread", talk.pk))


# Who is to stay away.


def test_blocking_ends_the_talk_for_both_until_it_is_undone(reader, bo, ada, talk):
    for _time in range(2):
        reader.post(url("block_reader", talk.pk))
    assert Block.objects.get().user == ada
    assert "You have blocked Ada Okafor" in words(reader, url("thread", talk.pk), "#compose")
    assert "You cannot write to Bo Lindqvist" in words(signed_in(ada), url("thread", talk.pk), "#compose")
    refused = signed_in(ada).post(url("say", talk.pk), {"text": "Hello?"}, headers=HTMX)
    assert refused.status_code == 422
    for _time in range(2):
        reader.post(url("unblock_reader", talk.pk))
    assert not Block.objects.exists()


def test_nobody_is_blocked_through_a_room(reader, room):
    assert reader.post(url("block_reader", room.pk)).status_code == 404


def test_settings_list_rooms_and_blocked_people_and_unblock(reader, stranger, bo, ada, room):
    threads.block(bo, ada)
    shown = words(reader, PREFERENCES)
    assert "Kitchen" in shown
    assert "@ada" in shown
    address = url("unblock", Block.objects.get().pk)
    assert stranger.post(address).status_code == 404
    assert reader.post(address).status_code == 302
    assert not Block.objects.exists()
    assert reader.post(address).status_code == 404


def test_being_invisible_is_switched_on_and_off(reader, bo):
    for name, is_invisible in (("become_invisible", True), ("become_visible", False)):
        for _time in range(2):
            reader.post(url(name))
        assert Inbox.objects.get(user=bo).is_invisible is is_invisible


# Reports in the administration.


@pytest.fixture
def report(bo, talk):
    return threads.report(bo, talk.messages.get(number=1), "Too loud")


def officer(user, *codenames: str) -> Client:
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return signed_in(user)


REPORTS = "/admin/notifications/report/"


def test_staff_who_may_look_at_reports_see_what_was_said_then(dana, report, talk):
    threads.take_back(talk.messages.get(number=1))
    client = officer(dana, "view_report")
    assert "Hello Bo" in page(client, REPORTS)
    assert "Too loud" in page(client, f"{REPORTS}{report.pk}/change/")
    assert officer(dana).get(REPORTS).status_code == 403


def test_who_may_change_reports_takes_the_message_back_and_closes(dana, report, talk):
    client = officer(dana, "view_report", "change_report")
    for _time in range(2):
        client.post(REPORTS, {"action": "take_message_back", "_selected_action": [report.pk]})
    report.refresh_from_db()
    assert report.closed_by_name == "dana"
    assert bodies(talk)[0] == ""
    assert "Hello Bo" not in page(client, f"{REPORTS}?state=waiting")
    assert "Hello Bo" in page(client, f"{REPORTS}?state=closed")


def test_closing_leaves_the_message(dana, report, talk):
    officer(dana, "view_report", "change_report").post(
        REPORTS, {"action": "close_report", "_selected_action": [report.pk]}
    )
    report.refresh_from_db()
    assert report.closed_at
    assert bodies(talk)[0]


def test_who_may_only_look_does_neither(dana, report, talk):
    client = officer(dana, "view_report")
    for action in ("take_message_back", "close_report"):
        client.post(REPORTS, {"action": action, "_selected_action": [report.pk]})
    report.refresh_from_db()
    assert report.closed_at is None
    assert bodies(talk)[0]
