"""Whom a broadcast addresses: the number that staff read equals those who see it, also when groups change."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from notifications import signals
from notifications.broadcasting import abroadcast, broadcast
from notifications.models import Board, Broadcast, Content, Inbox, Noticeboard
from notifications.models.audience import addressed
from notifications.testing import LivePage

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


@pytest.fixture
def crew(db):
    return Group.objects.create(name="crew")


@pytest.fixture
def office(db):
    return Group.objects.create(name="office")


@pytest.fixture
def everybody(ada, bo, chi, dana, crew, office):
    """Ada is staff, Bo is in both groups, Chi in one, Dana in none; one has left."""
    bo.groups.set([crew, office])
    chi.groups.set([crew])
    gone = User.objects.create_user("gone", is_staff=True, is_active=False)
    gone.groups.set([crew])
    return [ada, bo, chi, dana]


def sees(user) -> bool:
    return bool(Inbox.objects.of(user).announcements)


def revisions() -> dict[str, int]:
    return {**dict(Inbox.objects.values_list("user__username", "revision")), "board": Board.load().revision}


def changed(before: dict[str, int]) -> set[str]:
    """Whose inbox has changed since, and "board"."""
    return {name for name, revision in revisions().items() if revision != before.get(name)}


@pytest.mark.parametrize(
    ("audience", "readers"),
    [
        ("everyone", {"ada", "bo", "chi", "dana"}),
        ("staff", {"ada"}),
        ("group:crew", {"bo", "chi"}),
        (["group:crew", "group:office"], {"bo", "chi"}),
        (["user:dana", "user:ada"], {"ada", "dana"}),
    ],
)
def test_those_who_are_counted_are_those_who_see_it(everybody, audience, readers):
    one = broadcast("Hello", audience=audience)
    assert one.content.reach() == (len(readers), 0)
    assert set(one.users().values_list("username", flat=True)) == readers
    assert {user.username for user in everybody if sees(user)} == readers
    found = addressed([one], [Inbox.objects.of(user) for user in everybody])
    assert {user.username for user in everybody if found[user.inbox.pk]} == readers


def test_a_stranger_has_no_row_and_no_number_of_it(everybody, bo, client):
    one = broadcast("For Dana alone", audience="user:dana")
    client.force_login(bo)
    assert client.get(f"/inbox/{one.row_key}/").status_code == 404
    assert "For Dana alone" not in client.get("/inbox/").content.decode()
    assert "For Dana alone" not in client.get("/inbox/?q=Dana").content.decode()
    assert Inbox.objects.of(bo).unseen_total == 0


def test_who_joins_the_group_sees_what_runs_and_nothing_that_has_ended(dana, crew):
    broadcast("Runs", audience=crew)
    broadcast("Is over", audience=crew).end()
    assert not sees(dana)
    dana.groups.add(crew)
    assert [row.title for row in Inbox.objects.of(dana).announcements] == ["Runs"]
    dana.groups.remove(crew)
    assert not sees(dana)


def test_who_signs_up_later_sees_what_runs(db):
    broadcast("Runs")
    assert sees(User.objects.create_user("eve"))


JOINING = {
    "user.groups.add": lambda user, group: user.groups.add(group),
    "user.groups.set": lambda user, group: user.groups.set([group]),
    "group.user_set.add": lambda user, group: group.user_set.add(user),
}
LEAVING = {
    "user.groups.remove": lambda user, group: user.groups.remove(group),
    "user.groups.set": lambda user, group: user.groups.set([]),
    "user.groups.clear": lambda user, group: user.groups.clear(),
    "group.user_set.remove": lambda user, group: group.user_set.remove(user),
    "group.user_set.clear": lambda user, group: group.user_set.clear(),
}


@pytest.mark.parametrize("way", JOINING)
def test_who_joins_has_open_pages_looked_at(bo, chi, crew, way):
    broadcast("Hello", audience=crew)
    before = revisions()
    JOINING[way](bo, crew)
    assert changed(before) == {"bo"}
    inbox = Inbox.objects.of(bo)
    assert inbox.floor == inbox.revision


@pytest.mark.parametrize("way", LEAVING)
def test_who_leaves_has_open_pages_looked_at(bo, chi, crew, way):
    bo.groups.add(crew)
    broadcast("Hello", audience=crew)
    before = revisions()
    LEAVING[way](bo, crew)
    assert changed(before) == {"bo"}


def test_nothing_is_written_while_nothing_runs_for_groups(bo, crew):
    broadcast("To everyone")
    broadcast("Over", audience=crew).end()
    before = revisions()
    bo.groups.add(crew)
    bo.groups.clear()
    assert changed(before) == set()


def test_nothing_is_written_for_who_is_a_member_already_or_when_it_is_rolled_back(bo, chi, crew):
    bo.groups.add(crew)
    broadcast("Hello", audience=crew)
    before = revisions()
    bo.groups.add(crew)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        chi.groups.add(crew)
        raise ZeroDivisionError
    assert changed(before) == set()


def test_many_who_join_at_once_cost_one_change_of_the_board(crew, monkeypatch):
    monkeypatch.setattr(signals, "REFRESHED_ONE_BY_ONE", 3)
    users = [User.objects.create_user(f"reader-{n}") for n in range(4)]
    one = broadcast("Hello", audience=crew)
    before = revisions()
    crew.user_set.add(*users)
    assert changed(before) == {"board"}
    one.refresh_from_db()
    assert one.revision == Board.load().revision
    assert all(sees(user) for user in users)


def test_who_becomes_staff_or_is_it_no_longer_has_open_pages_looked_at(bo, ada):
    broadcast("Among us", audience="staff")
    for is_staff in (True, False):
        before = revisions()
        bo.is_staff = is_staff
        bo.save()
        assert changed(before) == {"bo"}
        assert sees(bo) is is_staff


def test_pages_are_looked_at_when_the_change_of_staff_is_there_to_be_seen(bo, monkeypatch):
    seen = []
    monkeypatch.setattr(
        signals, "refresh_readers", lambda ids, audience: seen.append(User.objects.get(pk=bo.pk).is_staff)
    )
    bo.is_staff = True
    bo.save()
    assert seen == [True]


def test_nothing_is_written_for_other_changes_of_an_account_or_while_nothing_runs_for_staff(bo):
    broadcast("To everyone")
    before = revisions()
    bo.is_staff = True
    bo.save()
    assert changed(before) == set()
    broadcast("Among us", audience="staff")
    before = revisions()
    bo.display_name = "Bosse"
    bo.save()
    bo.save(update_fields=["last_login"])
    assert changed(before) == set()


def test_a_group_that_is_deleted_takes_its_broadcast_from_every_page(bo, chi, crew, office):
    bo.groups.add(crew)
    both = broadcast("To both", audience=[crew, office])
    other = broadcast("To the office", audience=office)
    before = revisions()
    crew.delete()
    assert changed(before) == {"board"}
    both.refresh_from_db()
    other.refresh_from_db()
    assert both.revision == Noticeboard.current().revision > other.revision
    assert (both.state, both.users().count(), sees(bo)) == ("published", 0, False)


def test_a_group_that_is_deleted_without_a_broadcast_writes_nothing(crew, office):
    broadcast("To the office", audience=office)
    before = revisions()
    Group.objects.filter(pk=crew.pk).delete()
    assert changed(before) == set()


def test_an_author_who_goes_or_is_renamed_changes_nothing_for_readers(ada, bo):
    one = broadcast("Hello", author=ada)
    before = Board.load().revision
    ada.display_name = "Ada Byron"
    ada.save()
    ada.delete()
    one.refresh_from_db()
    assert (one.author, one.author_name, sees(bo), Board.load().revision) == (None, "Ada Okafor", True, before)


def test_a_person_who_goes_is_no_longer_counted(bo, chi):
    one = broadcast("Hello", audience=[bo, chi])
    chi.delete()
    assert one.users().count() == 1


def test_many_people_are_looked_up_in_few_statements_however_many(bo):
    """Named while it runs: there is no waiting then."""
    User.objects.bulk_create(User(username=f"reader-{n:05}") for n in range(1_200))
    one = broadcast("Hello", audience="user:bo")
    names = [f"reader-{n:05}" for n in range(1_200)]
    one.rewrite(Content(title="Hello", audience="people", names=names))
    assert Broadcast.objects.get().users().count() == 1_200
    assert not sees(bo)


# On open pages.


def test_who_has_not_acknowledged_is_found_by_index_however_many_have(bo, chi):
    one = broadcast("Rules", asks_acknowledgement=True)
    Inbox.objects.of(bo).acknowledge(one.row_key)
    assert list(one.lacking_acknowledgement()) == [chi]
    plan = one.lacking_acknowledgement().explain()
    assert "Anti Join" in plan or "(broadcast_id=? AND inbox_id=?)" in plan  # PostgreSQL's words, and SQLite's


async def test_an_open_page_shows_and_drops_it_as_its_reader_joins_and_leaves(bo, crew, live):
    await abroadcast("For the crew", audience=crew, placement="both")
    async with LivePage(bo) as page:
        await bo.groups.aadd(crew)
        await page.until(lambda: "For the crew" in page.text("#feed") and "For the crew" in page.text("#banners"))
        assert (page.text("#badge"), page.text("#count-all")) == ("1", "1")
        await bo.groups.aclear()
        await page.until(lambda: "For the crew" not in page.text("#feed") + page.text("#banners"))
        assert (page.text("#badge"), page.text("#count-all")) == ("0", "0")


async def test_an_open_page_drops_it_when_its_group_is_deleted(bo, crew, live):
    await bo.groups.aadd(crew)
    await abroadcast("For the crew", audience=crew, placement="both")
    async with LivePage(bo) as page:
        assert "For the crew" in page.text("#feed")
        await crew.adelete()
        await page.until(lambda: "For the crew" not in page.text("#feed") + page.text("#banners"))


async def test_an_open_page_follows_when_its_reader_becomes_staff(bo, live):
    await abroadcast("Among us", audience="staff")
    async with LivePage(bo) as page:
        bo.is_staff = True
        await bo.asave()
        await page.until(lambda: "Among us" in page.text("#feed"))
        assert (page.text("#badge"), page.text("#count-all")) == ("1", "1")
        bo.is_staff = False
        await bo.asave()
        await page.until(lambda: "Among us" not in page.text("#feed"))
        assert (page.text("#badge"), page.text("#count-all")) == ("0", "0")


async def test_an_open_page_of_one_of_many_who_join_at_once_shows_it(bo, chi, crew, live, monkeypatch):
    monkeypatch.setattr(signals, "REFRESHED_ONE_BY_ONE", 1)
    await abroadcast("For the crew", audience=crew, placement="both")
    async with LivePage(bo) as page:
        await crew.user_set.aadd(bo, chi)
        await page.until(lambda: "For the crew" in page.text("#feed") and "For the crew" in page.text("#banners"))
        assert page.text("#badge") == "1"


@pytest.mark.parametrize(
    ("audience", "reason"),
    [("everyone", "it is for everyone"), ("staff", "you are staff"), ("people", "it was sent to you by name")],
)
def test_readers_can_look_up_why_they_got_it(ada, client, audience, reason):
    made = Broadcast.draft(Content(title="Maintenance", audience=audience, names=["ada"]), ada)
    made.publish(ada)
    client.force_login(ada)
    assert f"Because {reason}." in client.get(f"/inbox/{made.row_key}/more/").content.decode()
