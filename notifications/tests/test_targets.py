"""What notifications are about can vanish: then they say so, show nothing of it, and ask for nothing."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models.signals import post_delete
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications import targets
from notifications.delivery import close, notify, notify_many
from notifications.models import Inbox, Retraction, clock, stamping
from notifications.testing import LivePage
from notifications.testing.dom import Document
from notifications.tests.recount import kept, recount

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
HTMX = {"HX-Request": "true"}
SECRETS = ("Secret", "Hush", "/plan/", "Mallory", "Kitchen")


@pytest.fixture
def members_only():
    """Groups are targets: their members may open them."""
    targets.register(Group, lambda user, group: user.groups.filter(pk=group.pk).exists())
    yield
    targets._registry.pop("auth.group")
    post_delete.disconnect(sender=Group, dispatch_uid="belfry_target")


@pytest.fixture
def kitchen(bo, chi, members_only):
    kitchen = Group.objects.create(name="Kitchen")
    kitchen.user_set.add(bo, chi)
    return kitchen


@pytest.fixture
def told(bo, chi, inbox, kitchen):
    """Bo and Chi have been told about the kitchen."""
    content = {"body": "Hush", "url": "/plan/", "actor": "Mallory", "target": kitchen}
    notify_many([bo, chi], title="Secret", key="told", **content)
    notify(bo, title="Other", key="other")
    return inbox


def is_closed(inbox, key="told") -> bool:
    row = inbox.notifications.get(key=key)
    assert kept(inbox) == recount(inbox)
    return row.title_text == "No longer available" and not row.is_unread


def gives_nothing_away(html: str) -> bool:
    for secret in SECRETS[:3]:
        assert secret not in html
    return True


def test_when_it_is_deleted_its_notifications_say_so_and_leave_the_number(told, chi, kitchen):
    kitchen.delete()
    assert is_closed(told)
    assert is_closed(Inbox.objects.of(chi))
    assert kept(told) == {"unread": 1, "unseen": 1, "lists": {"all": 2, "category:general": 2}}


def test_what_it_said_is_shown_nowhere(bo, told, kitchen, client):
    told.mark_read("told")
    kitchen.delete()
    client.force_login(bo)
    page = client.get(INBOX).content.decode()
    assert "No longer available" in page
    form = Document(page).inputs("#resume") | {"bell": "1", "since": ""}
    for answer in (
        client.get(INBOX),
        client.get("/inbox/told/"),
        client.get("/inbox/told/more/"),
        client.get(reverse("notifications:changes"), form),
        client.post(reverse("notifications:mark_seen"), form, headers=HTMX),
        client.get(INBOX, {"q": "hush"}),
        client.get(INBOX, {"category": "general"}),
    ):
        assert answer.status_code == 200
        assert gives_nothing_away(answer.content.decode())


def test_the_menu_does_not_say_what_it_was_about(bo, told, kitchen, client):
    client.force_login(bo)
    assert "Kitchen" in client.get("/inbox/told/more/").content.decode()
    close(kitchen)
    assert "Kitchen" not in client.get("/inbox/told/more/").content.decode()


def test_what_is_closed_in_its_sleep_comes_back_read(told, kitchen):
    told.snooze("told", until=clock.now() + timedelta(hours=1))
    kitchen.delete()
    told.notifications.filter(key="told").update(snoozed_until=clock.now())
    told.bring_back_due()
    assert is_closed(told)
    assert told.notifications.active().filter(key="told").exists()


def test_opening_it_leads_nowhere_but_to_a_page_that_says_so(bo, told, kitchen, client):
    kitchen.delete()
    client.force_login(bo)
    answer = client.get("/inbox/told/")
    assert answer.status_code == 200
    assert "has been deleted, or is no longer open to you" in answer.content.decode()


def test_it_can_be_put_away_marked_and_saved_as_any_other(bo, told, kitchen):
    kitchen.delete()
    told.mark_unread("told")
    told.mark_saved("told")
    told.archive("told")
    assert kept(told) == recount(told)
    assert kept(told)["lists"]["archived"] == 1


def test_what_was_read_keeps_the_time_of_its_reading(told, kitchen):
    told.mark_read("told")
    read_at = told.notifications.get(key="told").read_at
    kitchen.delete()
    assert is_closed(told)
    assert told.notifications.get(key="told").read_at == read_at


def test_a_deletion_that_is_rolled_back_changes_nothing(told, kitchen):
    before = kept(told), told.revision
    with pytest.raises(RuntimeError), transaction.atomic():
        kitchen.delete()
        raise RuntimeError
    assert (kept(told), told.revision) == before
    assert not Retraction.objects.exists()


def test_nothing_is_closed_before_the_commit(told, kitchen):
    with transaction.atomic():
        kitchen.delete()
        assert told.notifications.get(key="told").unavailable_at is None
    assert is_closed(told)


def test_deleting_many_closes_what_was_sent_about_each(bo, inbox, members_only):
    for n in range(20):
        notify(bo, title=f"About {n}", target=Group.objects.create(name=f"Group {n}"), key=f"g{n}")
    Group.objects.filter(name__in=[f"Group {n}" for n in range(19)]).delete()
    assert inbox.notifications.unread().get().key == "g19"
    assert kept(inbox) == recount(inbox)


def test_what_nobody_registered_is_let_alone(bo, chi, inbox):
    notify(bo, title="About Chi", target=chi, key="told")
    chi.delete()
    assert inbox.notifications.get().title_text == "About Chi"
    assert targets.may_open("accounts.user:999", bo)
    assert targets.may_open("just words", bo)


def test_what_was_sent_and_deleted_in_one_transaction_arrives_closed(bo, inbox, members_only):
    with transaction.atomic():
        kitchen = Group.objects.create(name="Kitchen")
        notify(bo, title="Secret", target=kitchen, key="told")
        kitchen.delete()
    assert is_closed(inbox)


# Who may still see it.


def test_who_may_no_longer_open_it_is_told_so_on_opening_and_others_keep_theirs(bo, chi, told, kitchen, client):
    kitchen.user_set.remove(bo)
    client.force_login(bo)
    answer = client.get("/inbox/told/")
    assert answer.status_code == 200
    assert gives_nothing_away(answer.content.decode())
    assert is_closed(told)
    client.force_login(chi)
    assert client.get("/inbox/told/").url == "/plan/"


def test_who_may_open_it_is_led_to_it(bo, told, client):
    client.force_login(bo)
    assert client.get("/inbox/told/").url == "/plan/"


@pytest.mark.parametrize("name", ["auth.group:None", "auth.group:", "auth.group:999", "auth.group:" + "9" * 30])
def test_a_name_that_leads_to_nothing_cannot_be_opened(bo, members_only, name):
    assert targets.may_open(name, bo) is False


def test_closing_it_for_some_leaves_the_others_theirs(bo, chi, told, kitchen):
    assert close(kitchen, [bo]) == 1
    assert is_closed(told)
    assert Inbox.objects.of(chi).notifications.get().title_text == "Secret"


def test_closing_it_for_everybody_twice_is_harmless(chi, told, kitchen):
    assert close(kitchen) == 2
    told.refresh_from_db()
    revision = told.revision
    assert close(kitchen) == 0
    told.refresh_from_db()
    assert told.revision == revision


def test_closing_it_for_nobody_closes_nothing(told, kitchen):
    assert close(kitchen, []) == 0
    assert not is_closed(told)


def test_in_a_group_only_what_is_about_it_is_closed(bo, inbox, kitchen):
    notify(bo, title="Secret", target=kitchen, group_key="g", key="one")
    notify(bo, title="Open", group_key="g", key="two")
    kitchen.delete()
    assert inbox.notifications.listed().get(group_key="g").title_text == "Open"
    assert kept(inbox)["unread"] == 1
    assert kept(inbox) == recount(inbox)


# Live.


@pytest.mark.usefixtures("live")
async def test_an_open_page_says_so_at_once(bo, told, kitchen):
    async with LivePage(bo) as page:
        await sync_to_async(kitchen.delete)()
        await page.until(lambda: "No longer available" in page.text("#feed"))
        assert gives_nothing_away("".join(page.frames))
        assert "Secret" not in page.text("#feed")
        assert page.shown() == (await LivePage(bo, client=page.client).load()).shown()


@pytest.mark.usefixtures("live")
async def test_so_does_its_own_page(bo, told, kitchen):
    async with LivePage(bo, "/inbox/told/?show=1") as page:
        assert "Secret" in page.text("#item-told")
        await sync_to_async(kitchen.delete)()
        await page.until(lambda: "No longer available" in page.text("#item-told"))
        assert page.shown() == (await LivePage(bo, page.path, client=page.client).load()).shown()


@pytest.mark.usefixtures("live")
async def test_what_arrives_closed_is_not_toasted_with_what_it_said(bo, inbox, members_only):
    @sync_to_async
    def send_and_delete():
        with transaction.atomic():
            kitchen = Group.objects.create(name="Kitchen")
            notify(bo, title="Secret", target=kitchen, key="told")
            kitchen.delete()

    async with LivePage(bo) as page:
        await send_and_delete()
        await page.until(lambda: "No longer available" in page.text("#feed"))


def test_closing_for_many_asks_for_no_more_at_once_than_sending_does(bo, chi, told, kitchen, monkeypatch):
    monkeypatch.setattr(stamping, "BATCH", 1)
    with CaptureQueriesContext(connection) as asked:
        close(kitchen)
    assert is_closed(told)
    assert is_closed(Inbox.objects.of(chi))
    both = f"IN ({told.pk}, {Inbox.objects.of(chi).pk})"
    assert [query["sql"] for query in asked if both in query["sql"]] == []


def test_a_question_that_fails_closes_nothing(bo, told, client, monkeypatch):
    def fails(user, group):
        raise RuntimeError("The permissions are away.")

    monkeypatch.setitem(targets._registry, "auth.group", targets.Target(Group, fails))
    client.force_login(bo)
    assert client.get("/inbox/told/").url == "/plan/"
    assert told.notifications.get(key="told").unavailable_at is None


def test_what_is_closed_cannot_be_made_unread_again(kitchen, told):
    read = told.mark_read("told")
    close(kitchen)
    told.mark_unread("told")
    told.undo(read)
    assert is_closed(told)
