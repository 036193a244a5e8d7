"""The life of a broadcast: each verb does it once, refuses the wrong states, and the history says who."""

import pytest
from django.db import connection

from notifications.models import (
    Board,
    Broadcast,
    Content,
    EditedMeanwhile,
    Inbox,
    InvalidBroadcast,
    Noticeboard,
    Notification,
    WrongState,
    broadcast_content,
)
from notifications.models.broadcast import UNDO

pytestmark = pytest.mark.django_db(transaction=True)

STATES = ["draft", "scheduled", "published", "ended", "withdrawn"]


def make(by=None, **content) -> Broadcast:
    return Broadcast.draft(Content(**{"title": "Maintenance", **content}), by)


def make_in(state: str, hands, by=None) -> Broadcast:
    later = {"starts_at": hands.after(hours=1)} if state == "scheduled" else {}
    broadcast = make(by, **later)
    if state != "draft":
        broadcast.publish(by)
    if state == "ended":
        broadcast.end(by)
    if state == "withdrawn":
        broadcast.withdraw(by)
    broadcast.refresh_from_db()
    assert broadcast.state == state
    return broadcast


def history(broadcast) -> list[tuple[str, str]]:
    """What and by whom, the oldest first."""
    return list(broadcast.events.order_by("pk").values_list("what", "by_name"))


def titles(user) -> list[str]:
    return [row.title for row in Inbox.objects.of(user).announcements]


VERBS = {
    "publish": {"draft": "published", "scheduled": "scheduled", "published": "published"},
    "cancel": {"draft": "draft", "scheduled": "draft"},
    "undo_publication": {"published": "draft"},
    "end": {"published": "ended", "ended": "ended"},
    "withdraw": {"published": "withdrawn", "ended": "withdrawn", "withdrawn": "withdrawn"},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_leads_from_its_states_and_refuses_the_others(ada, hands, verb, state):
    broadcast = make_in(state, hands, ada)
    before = history(broadcast)
    if state in VERBS[verb]:
        getattr(broadcast, verb)(ada)
        broadcast.refresh_from_db()
        assert broadcast.state == VERBS[verb][state]
        assert len(history(broadcast)) == len(before) + (broadcast.state != state)
    else:
        with pytest.raises(WrongState):
            getattr(broadcast, verb)(ada)
        broadcast.refresh_from_db()
        assert (broadcast.state, history(broadcast)) == (state, before)


@pytest.mark.parametrize("state", STATES)
def test_only_a_draft_can_be_discarded(hands, state):
    broadcast = make_in(state, hands)
    if state == "draft":
        broadcast.discard()
        assert not Broadcast.objects.exists()
    else:
        with pytest.raises(WrongState):
            broadcast.discard()


def test_pages_that_were_away_learn_that_it_left_though_it_was_undone_and_discarded(bo):
    broadcast = make()
    broadcast.publish()
    shown = Noticeboard.current().revision
    broadcast.undo_publication()
    broadcast.discard()
    assert broadcast in Noticeboard.current().left_since(shown)
    assert (Broadcast.objects.get().state, titles(bo)) == ("withdrawn", [])


@pytest.mark.parametrize("verb", ["publish", "end", "withdraw"])
def test_a_double_click_does_it_once(ada, hands, verb):
    broadcast = make_in("draft" if verb == "publish" else "published", hands)
    other_tab = Broadcast.objects.get(pk=broadcast.pk)
    getattr(broadcast, verb)(ada)
    revision = Board.load().revision
    getattr(other_tab, verb)(ada)
    assert Board.load().revision == revision
    assert len([what for what, _ in history(broadcast) if what == broadcast.state]) == 1


def test_it_is_seen_from_its_publication_to_its_withdrawal(bo):
    broadcast = make()
    assert titles(bo) == []
    broadcast.publish()
    assert titles(bo) == ["Maintenance"]
    broadcast.withdraw()
    assert titles(bo) == []
    assert Inbox.objects.of(bo).unseen_total == 0


def test_it_ends_exactly_at_its_end_without_anybodys_help(bo, hands):
    broadcast = make(ends_at=hands.after(minutes=5))
    broadcast.publish()
    hands.move(minutes=5, microseconds=-1)
    assert titles(bo) == ["Maintenance"]
    hands.move(microseconds=1)
    assert titles(bo) == []
    assert Inbox.objects.of(bo).unseen_total == 0


def test_publishing_writes_no_row_for_any_reader(bo, chi, dana):
    make().publish()
    assert not Notification.objects.exists()


def test_publication_can_be_undone_for_thirty_seconds(bo, hands):
    broadcast = make()
    broadcast.publish()
    Inbox.objects.of(bo).mark_read(broadcast.row_key)
    hands.moment += UNDO
    assert not broadcast.can_be_undone
    with pytest.raises(WrongState, match="longer than 30 seconds"):
        broadcast.undo_publication()
    hands.move(microseconds=-1)
    broadcast.undo_publication()
    assert titles(bo) == []
    assert Inbox.objects.of(bo).unseen_total == 0


def test_what_was_undone_can_be_published_again_and_is_news_again(bo, hands):
    broadcast = make()
    broadcast.publish()
    Inbox.objects.of(bo).mark_read(broadcast.row_key)
    broadcast.undo_publication()
    broadcast.publish()
    assert titles(bo) == ["Maintenance"]
    assert Inbox.objects.of(bo).unseen_total == 1


def test_history_says_who_and_what_was_changed(ada, hands):
    broadcast = make(ada, ends_at=hands.after(hours=2))
    broadcast.publish(ada)
    broadcast.rewrite(Content(title="Maintenance, longer", ends_at=hands.after(hours=3)), ada)
    hands.move(hours=3)
    broadcast.carry_out_due()
    assert history(broadcast) == [
        ("created", "Ada Okafor"),
        ("published", "Ada Okafor"),
        ("edited", "Ada Okafor"),
        ("ended", ""),
    ]
    edit = broadcast.events.get(what="edited")
    assert edit.changes["title"] == ["Maintenance", "Maintenance, longer"]
    assert edit.changes.keys() == {"title", "ends_at"}
    ada.delete()
    assert history(broadcast)[2] == ("edited", "Ada Okafor")


def test_an_edit_over_somebody_elses_edit_is_caught(ada, bo):
    broadcast = make(ada)
    began_with = broadcast.version
    Broadcast.objects.get().rewrite(Content(title="By Bo"), bo)
    with pytest.raises(EditedMeanwhile) as caught:
        broadcast.rewrite(Content(title="By Ada"), ada, version=began_with)
    assert (caught.value.by_name, Broadcast.objects.get().title) == ("Bo Lindqvist", "By Bo")


def test_an_edit_looks_its_names_up_before_anybody_has_to_wait_for_it(bo, monkeypatch):
    broadcast, has_lock = make(), []
    unknown_names = broadcast_content.unknown_names
    monkeypatch.setattr(
        broadcast_content,
        "unknown_names",
        lambda names: has_lock.append(connection.in_atomic_block) or unknown_names(names),
    )
    broadcast.rewrite(Content(title="For Bo", audience="people", names=["bo"]))
    assert has_lock == [False]


def test_the_times_of_an_edit_are_those_of_the_state_that_it_meets(hands):
    broadcast = make_in("published", hands)
    other_tab = Broadcast.objects.get()
    broadcast.undo_publication()
    with pytest.raises(InvalidBroadcast, match="later than the start"):
        other_tab.rewrite(Content(title="Late", starts_at=hands.after(hours=2), ends_at=hands.after(hours=1)))
    assert Broadcast.objects.get().title == "Maintenance"


@pytest.mark.parametrize("show_again", [False, True])
def test_an_edit_shows_it_again_or_leaves_those_who_dismissed_it_in_peace(bo, hands, show_again):
    broadcast = make(placement="both")
    broadcast.publish()
    hands.move(seconds=1)
    Inbox.objects.of(bo).dismiss(broadcast.row_key)
    hands.move(seconds=1)
    broadcast.rewrite(Content(title="Sunday instead", placement="both"), show_again=show_again)
    inbox = Inbox.objects.of(bo)
    assert [row.title for row in inbox.banners] == (["Sunday instead"] if show_again else [])
    assert inbox.unseen_total == show_again
    assert titles(bo) == ["Sunday instead"]


def test_a_scheduled_one_whose_start_is_taken_out_starts_now(hands):
    broadcast = make_in("scheduled", hands)
    broadcast.rewrite(Content(title="At once after all"))
    starts = broadcast.events.first().changes["starts_at"]
    assert starts == [hands.after(hours=1).isoformat(), hands.moment.isoformat()]
    broadcast.carry_out_due()
    assert Broadcast.objects.get().state == "published"


def test_a_draft_that_has_lain_beyond_its_end_is_not_published(hands):
    broadcast = make(ends_at=hands.after(hours=1))
    hands.move(hours=2)
    with pytest.raises(InvalidBroadcast, match="in the past"):
        broadcast.publish()
    assert Broadcast.objects.get().state == "draft"


def test_a_trial_reaches_its_author_alone_for_ten_minutes(ada, bo, hands):
    broadcast = make(ada)
    Broadcast.send_trial(broadcast.content, ada)
    assert (titles(ada), titles(bo)) == (["Maintenance"], [])
    assert [one.pk for one in Broadcast.objects.real()] == [broadcast.pk]
    hands.move(minutes=10)
    assert titles(ada) == []


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"body": "x" * 4_001}, "body"),
        ({"body": "\x00"}, "body"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "//elsewhere.org"}, "url"),
        ({"level": "loud"}, "level"),
        ({"placement": "everywhere"}, "placement"),
        ({"audience": "world"}, "audience"),
        ({"audience": "groups"}, "groups"),
        ({"audience": "people"}, "names"),
        ({"audience": "people", "names": ["nobody"]}, "names"),
    ],
)
def test_every_mistake_is_said_at_its_field_and_nothing_is_written(db, content, field):
    with pytest.raises(InvalidBroadcast) as refusal:
        make(**content)
    assert list(refusal.value.message_dict) == [field]
    assert not Broadcast.objects.exists()


def test_the_end_must_be_later_than_the_start_and_than_now(hands):
    for content in (
        {"ends_at": hands.after(seconds=-1)},
        {"starts_at": hands.after(hours=2), "ends_at": hands.after(hours=1)},
    ):
        with pytest.raises(InvalidBroadcast) as refusal:
            make(**content)
        assert list(refusal.value.message_dict) == ["ends_at"]
