"""What a reader does to their inbox. For every act: it works, it refuses GET, it refuses strangers, it survives being
done twice, and it answers as the page that sent it needs it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from notifications.delivery import notify, retract
from notifications.models import Inbox
from notifications.testing.dom import Document, parse_fragment

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
HTMX = {"HX-Request": "true"}


@dataclass(frozen=True)
class Act:
    """An act on the lunch in Bo's inbox, or on the category that it came in."""

    is_done: Callable[[Inbox], bool]
    on: str = ""
    prepare: Callable[[Inbox], object] = lambda inbox: None
    form: dict[str, str] = field(default_factory=dict)


LUNCH = {"key": "lunch"}


def snooze_lunch(inbox: Inbox) -> None:
    inbox.snooze("lunch", until=now() + timedelta(hours=1))


ACTS = {
    "mark_read": Act(lambda inbox: inbox.unread_count == 0, "lunch"),
    "mark_unread": Act(lambda inbox: inbox.unread_count == 1, "lunch", lambda inbox: inbox.mark_read("lunch")),
    "archive": Act(lambda inbox: inbox.counts == {"archived": 1}, "lunch"),
    "unarchive": Act(lambda inbox: "all" in inbox.counts, "lunch", lambda inbox: inbox.archive("lunch")),
    "mark_saved": Act(lambda inbox: inbox.count_of("saved") == 1, "lunch"),
    "mark_unsaved": Act(lambda inbox: inbox.count_of("saved") == 0, "lunch", lambda inbox: inbox.mark_saved("lunch")),
    "snooze": Act(lambda inbox: inbox.count_of("snoozed") == 1, "lunch", form={"until": "tomorrow"}),
    "unsnooze": Act(lambda inbox: inbox.count_of("all") == 1, "lunch", snooze_lunch),
    "mute": Act(lambda inbox: inbox.mutes.in_force().exists(), "lunch", form={"mute": "conversation:week"}),
    "mark_selected_read": Act(lambda inbox: inbox.unread_count == 0, form=LUNCH),
    "mark_selected_unread": Act(
        lambda inbox: inbox.unread_count == 1, "", lambda inbox: inbox.mark_read("lunch"), form=LUNCH
    ),
    "mark_selected_saved": Act(lambda inbox: inbox.count_of("saved") == 1, form=LUNCH),
    "archive_selected": Act(lambda inbox: inbox.counts == {"archived": 1}, form=LUNCH),
    "unarchive_selected": Act(
        lambda inbox: "all" in inbox.counts, "", lambda inbox: inbox.archive("lunch"), form=LUNCH
    ),
    "snooze_selected": Act(lambda inbox: inbox.count_of("snoozed") == 1, form=LUNCH | {"until": "tomorrow"}),
    "unsnooze_selected": Act(lambda inbox: inbox.count_of("all") == 1, "", snooze_lunch, form=LUNCH),
    "mark_all_read": Act(lambda inbox: inbox.unread_count == 0),
    "archive_all": Act(lambda inbox: inbox.counts == {"archived": 1}),
    "mark_seen": Act(lambda inbox: inbox.unseen_count == 0),
    "mute_category": Act(lambda inbox: inbox.muted_categories() == {"general"}, "general"),
    "unmute_category": Act(
        lambda inbox: inbox.muted_categories() == set(), "general", lambda inbox: inbox.mute_category("general")
    ),
    "hide_toasts": Act(lambda inbox: not inbox.shows_toasts),
    "show_toasts": Act(lambda inbox: inbox.shows_toasts, prepare=lambda inbox: inbox.hide_toasts()),
    "disable_shortcuts": Act(lambda inbox: not inbox.has_shortcuts),
    "enable_shortcuts": Act(lambda inbox: inbox.has_shortcuts, prepare=lambda inbox: inbox.disable_shortcuts()),
}
ON_ONE = [name for name, act in ACTS.items() if act.on == "lunch"]
CAN_BE_UNDONE = [
    name for name in ACTS if name in {"mark_selected_read", "mark_all_read"} or name.startswith(("archive", "snooze"))
]
ON_A_PAGE = [name for name in ACTS if name != "mark_seen"]  # opening the bell is answered with its list

every_act = pytest.mark.parametrize("name", ACTS)


@pytest.fixture
def reader(bo, inbox, client):
    """Bo's browser. There is one notification in the inbox."""
    notify(bo, title="Lunch is ready", key="lunch", group_key="meals")
    client.force_login(bo)
    return client


def address(name: str) -> str:
    return reverse(f"notifications:{name}", args=[ACTS[name].on] if ACTS[name].on else [])


def prepared(name: str, inbox: Inbox) -> Inbox:
    ACTS[name].prepare(inbox)
    assert not is_done(name, inbox)
    return inbox


def is_done(name: str, inbox: Inbox) -> bool:
    inbox.refresh_from_db()
    return ACTS[name].is_done(inbox)


def page_of(client: Client, path: str = INBOX) -> Document:
    return Document(client.get(path).content.decode())


@every_act
def test_it_works(reader, inbox, name):
    prepared(name, inbox)
    reader.post(address(name), ACTS[name].form | {"since": inbox.revision})
    assert is_done(name, inbox)


@every_act
def test_it_refuses_get(reader, inbox, name):
    prepared(name, inbox)
    assert reader.get(address(name)).status_code == 405
    assert not is_done(name, inbox)


@every_act
def test_it_survives_being_done_twice(reader, inbox, name):
    prepared(name, inbox)
    reader.post(address(name), ACTS[name].form | {"since": inbox.revision})
    inbox.refresh_from_db()
    revision = inbox.revision
    assert reader.post(address(name), ACTS[name].form | {"since": revision}).status_code == 302
    assert is_done(name, inbox)
    assert inbox.revision == revision


@every_act
def test_it_sends_who_is_not_signed_in_to_the_door(reader, inbox, name):
    prepared(name, inbox)
    response = Client().post(address(name), ACTS[name].form | {"since": inbox.revision, "next": "/inbox/?view=unread"})
    assert response.url == f"{reverse('accounts:login')}?next=/inbox/%3Fview%3Dunread", "and then back to the page"
    assert not is_done(name, inbox)


@every_act
def test_it_needs_the_token_of_a_page_of_ours(bo, reader, inbox, name):
    prepared(name, inbox)
    stranger_site = Client(enforce_csrf_checks=True)
    stranger_site.force_login(bo)
    assert stranger_site.post(address(name), ACTS[name].form | {"since": inbox.revision}).status_code == 403
    assert not is_done(name, inbox)


@every_act
def test_it_never_touches_another_readers_inbox(reader, inbox, chi, name):
    prepared(name, inbox)
    stranger = Client()
    stranger.force_login(chi)
    status = stranger.post(address(name), ACTS[name].form | {"since": inbox.revision}).status_code
    assert status == (404 if name in ON_ONE else 302)
    assert not is_done(name, inbox)


@every_act
def test_without_javascript_it_leads_back_to_the_page_of_the_button(reader, inbox, name):
    prepared(name, inbox)
    response = reader.post(address(name), ACTS[name].form | {"since": inbox.revision, "next": "/inbox/?view=unread"})
    assert (response.status_code, response.url) == (302, "/inbox/?view=unread")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil", ""]
)
def test_it_never_leads_to_another_site(reader, elsewhere):
    response = reader.post(address("mark_read"), {"next": elsewhere})
    assert response.url == INBOX


@pytest.mark.parametrize("name", ON_A_PAGE)
def test_the_answer_brings_a_page_without_a_socket_up_to_date(reader, inbox, name):
    prepared(name, inbox)
    page = page_of(reader)
    response = reader.post(address(name), page.inputs("#resume") | ACTS[name].form, headers=HTMX)
    page.apply(response.content.decode())
    assert page.shown() == page_of(reader).shown()
    assert is_done(name, inbox)


@pytest.mark.parametrize("name", ON_A_PAGE)
def test_the_answer_is_empty_where_the_socket_brings_the_change(reader, inbox, name):
    prepared(name, inbox)
    form = page_of(reader).inputs("#resume") | {"live": "on"} | ACTS[name].form
    response = reader.post(address(name), form, headers=HTMX)
    if name in CAN_BE_UNDONE or name == "mute":
        (piece,) = parse_fragment(response.content.decode())
        assert piece.get("hx-target") == "#undo", "it says what it has done, and nothing else"
    else:
        assert (response.status_code, response.content) == (204, b"")
    assert is_done(name, inbox)


@every_act
def test_a_page_whose_reader_has_signed_out_is_told_so(reader, inbox, name):
    prepared(name, inbox)
    page = page_of(reader)
    response = Client().post(address(name), page.inputs("#resume") | ACTS[name].form, headers=HTMX)
    page.apply(response.content.decode())
    assert "You are signed out" in page.text("#live")
    assert not is_done(name, inbox)


@pytest.mark.parametrize("live", ["", "on"])
def test_opening_the_bell_answers_with_its_list_whether_there_is_a_socket_or_not(bo, reader, live):
    for n in range(10):
        notify(bo, title=f"Number {n}", key=f"number-{n}")
    response = reader.post(address("mark_seen"), {"since": "11", "live": live}, headers=HTMX)
    ids = [row.get("id") for row in parse_fragment(response.content.decode()).iter("li")]
    assert ids == [f"bell-number-{n}" for n in range(9, 1, -1)]


@pytest.mark.parametrize("name", ["mark_all_read", "archive_all", "mark_seen"])
def test_it_leaves_alone_what_came_after_the_page(bo, reader, inbox, name):
    position = page_of(reader).inputs("#resume")
    late = notify(bo, title="On its way")
    reader.post(address(name), position)
    inbox.refresh_from_db()
    assert (inbox.unread_count, inbox.unseen_count) == ((2, 1) if name == "mark_seen" else (1, 1))
    assert late in inbox.notifications.unread()


@pytest.mark.parametrize("since", ["", "x", "-1", "9" * 30])
@pytest.mark.parametrize("name", ["mark_all_read", "archive_all", "mark_seen"])
def test_it_touches_nothing_when_the_page_does_not_say_where_it_stands(reader, inbox, name, since):
    reader.post(address(name), {"since": since})
    assert not is_done(name, inbox)


@pytest.mark.parametrize("name", ["mute_category", "unmute_category"])
@pytest.mark.parametrize("category", ["security", "cats"])
def test_a_required_or_unknown_category_cannot_be_switched(reader, inbox, name, category):
    assert reader.post(reverse(f"notifications:{name}", args=[category])).status_code == 404
    assert inbox.muted_categories() == set()


@pytest.mark.parametrize("name", ON_ONE)
def test_what_was_taken_back_is_not_there_any_more(bo, reader, inbox, name):
    prepared(name, inbox)
    retract(bo, "lunch")
    assert reader.post(address(name), ACTS[name].form).status_code == 404


@pytest.mark.parametrize("key", ["nothing", "all", "changes"])
def test_a_key_that_is_not_there_is_a_404(reader, key):
    assert reader.post(f"/inbox/{key}/unread/").status_code == 404


def test_a_ticked_key_that_can_be_none_is_passed_over(bo, client):
    """PostgreSQL takes no NUL."""
    notify(bo, title="Lunch is ready", key="lunch")
    client.force_login(bo)
    assert client.post("/inbox/selected/read/", {"key": ["\x00", "lunch"]}).status_code == 302
    assert Inbox.objects.of(bo).unread_count == 0
