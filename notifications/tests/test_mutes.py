"""Mutes: nothing more of a conversation, or about an object, for as long as its reader wants."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse

from notifications.delivery import notify, notify_many
from notifications.models import Inbox, clock
from notifications.models.mute import CONVERSATION, OBJECT
from notifications.testing.dom import Document
from notifications.tests.recount import kept, recount

pytestmark = pytest.mark.django_db(transaction=True)

PREFERENCES = reverse("notifications:preferences")
KINDS = {"conversation": {"group_key": "menu"}, "object": {}}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def menu(bo, ada, inbox):
    """About Ada, and in a conversation."""
    notify(bo, title="Menu", key="menu", target=ada, group_key="menu")
    return inbox


@pytest.fixture
def reader(bo, menu, client):
    client.force_login(bo)
    return client


@pytest.fixture
def after(monkeypatch):
    """``after(days=1)``: that much later."""

    def move(**span):
        moment = clock.now() + timedelta(**span)
        monkeypatch.setattr(clock, "now", lambda: moment)

    return move


def rings(bo, ada, kind) -> bool:
    """Whether something more of it is delivered."""
    content = {"conversation": {"group_key": "menu"}, "object": {"target": ada}}[kind]
    return notify(bo, title="More", **content) is not None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("span", "days"), [("day", 1), ("week", 7)])
def test_it_is_quiet_for_as_long_as_was_said_and_then_rings_again(bo, ada, reader, after, kind, span, days):
    assert reader.post("/inbox/menu/mute/", {"mute": f"{kind}:{span}"}).status_code == 302
    assert not rings(bo, ada, kind)
    after(days=days, seconds=-5)
    assert not rings(bo, ada, kind)
    after(seconds=10)
    assert rings(bo, ada, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_always_is_always(bo, ada, reader, after, kind):
    reader.post("/inbox/menu/mute/", {"mute": f"{kind}:always"})
    after(days=10_000)
    assert not rings(bo, ada, kind)


def test_what_has_been_delivered_stays(reader, menu):
    before = kept(menu)
    reader.post("/inbox/menu/mute/", {"mute": "conversation:always"})
    assert kept(menu) == recount(menu) == before


@pytest.mark.parametrize("kind", KINDS)
def test_everything_else_goes_on_ringing(bo, ada, chi, reader, kind):
    reader.post("/inbox/menu/mute/", {"mute": f"{kind}:always"})
    assert notify(bo, title="Another", target=chi, group_key="soup")
    assert notify(bo, title="Plain")
    assert rings(bo, ada, "object" if kind == "conversation" else "conversation")
    assert notify(chi, title="To another reader", target=ada, group_key="menu")


def test_a_required_category_rings_all_the_same(bo, ada, menu):
    menu.mute(CONVERSATION, "menu", "Menu", None)
    menu.mute(OBJECT, f"accounts.user:{ada.pk}", "Ada", None)
    assert notify(bo, title="Alarm", category="security", target=ada, group_key="menu")


def test_muting_again_changes_how_long_and_is_still_one(bo, ada, reader, menu, after):
    for span in ("always", "week", "day"):
        reader.post("/inbox/menu/mute/", {"mute": f"conversation:{span}"})
    assert menu.mutes.count() == 1
    after(days=2)
    assert rings(bo, ada, "conversation")


def test_many_are_told_how_many_have_muted_it(bo, chi, ada, menu):
    menu.mute(CONVERSATION, "menu", "Menu", None)
    sent = notify_many([bo, chi], title="More", target=ada, group_key="menu")
    assert (sent.count, sent.skipped) == (1, {"muted": 1})


def test_a_mute_that_is_over_is_counted_no_more(bo, chi, menu, after):
    menu.mute(CONVERSATION, "menu", "Menu", clock.now() + timedelta(days=1))
    after(days=2)
    assert notify_many([bo, chi], title="More", group_key="menu").skipped == {}


# At the door.


@pytest.mark.parametrize(
    "said", ["", "conversation", "conversation:", "conversation:year", "category:day", ":day", "x:always"]
)
def test_what_makes_no_sense_is_refused_with_words(reader, menu, said):
    answer = reader.post("/inbox/menu/mute/", {"mute": said}, headers=HTMX)
    assert answer.status_code == 200
    assert 'hx-target="#alerts"' in answer.content.decode()
    assert not menu.mutes.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_what_belongs_to_nothing_cannot_be_muted(bo, reader, menu, kind):
    notify(bo, title="Plain", key="plain", target="the words only")
    answer = reader.post("/inbox/plain/mute/", {"mute": f"{kind}:day"}, follow=True)
    assert "belongs to no conversation and to no object" in answer.content.decode()
    assert not menu.mutes.exists()


def test_the_page_is_told_what_is_quiet_now(reader):
    answer = reader.post("/inbox/menu/mute/", {"mute": "object:always", "live": "on"}, headers=HTMX).content.decode()
    assert "You will hear nothing more of “<bdi>ada</bdi>”." in answer
    assert f'href="{PREFERENCES}#muted"' in answer


def test_its_page_offers_what_can_be_muted(bo, reader):
    notify(bo, title="Plain", key="plain")
    values = [
        one.get("value") for one in Document(reader.get("/inbox/menu/more/").content.decode()).root.iter("button")
    ]
    assert {f"{kind}:{span}" for kind in KINDS for span in ("day", "week", "always")} <= set(values)
    assert "For a week" not in reader.get("/inbox/plain/more/").content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_the_settings_list_it_and_switch_it_off(bo, ada, reader, menu, kind):
    reader.post("/inbox/menu/mute/", {"mute": f"{kind}:week"})
    page = Document(reader.get(PREFERENCES).content.decode())
    mute = menu.mutes.get()
    assert page.text(f"#mute-{mute.pk}-label") == "ada"
    [action] = [form.get("action") for form in page.root.iter("form") if f"/mutes/{mute.pk}/" in form.get("action", "")]
    assert reader.post(action, {"next": PREFERENCES}).url == PREFERENCES
    assert rings(bo, ada, kind)
    assert "Nothing is muted." in reader.get(PREFERENCES).content.decode()


def test_the_settings_list_no_mute_that_is_over(reader, menu):
    menu.mute(CONVERSATION, "old", "Old quarrel", clock.now() - timedelta(seconds=1))
    assert "Old quarrel" not in reader.get(PREFERENCES).content.decode()


def test_the_settings_show_its_name_escaped(reader, menu):
    menu.mute(CONVERSATION, "x", "<i>x</i>", None)
    assert "<bdi>&lt;i&gt;x&lt;/i&gt;</bdi>" in reader.get(PREFERENCES).content.decode()


def test_a_stranger_can_neither_mute_nor_unmute_it(bo, chi, menu):
    menu.mute(CONVERSATION, "menu", "Menu", None)
    stranger = Client()
    stranger.force_login(chi)
    address = reverse("notifications:unmute", args=[menu.mutes.get().pk])
    assert stranger.post(address).status_code == 404
    assert stranger.post("/inbox/menu/mute/", {"mute": "object:day"}).status_code == 404
    assert Client().post(address).status_code == 302
    assert menu.mutes.count() == 1
    assert not Inbox.objects.of(chi).mutes.exists()


def test_unmuting_refuses_get_and_is_a_404_when_done_twice(reader, menu):
    menu.mute(CONVERSATION, "menu", "Menu", None)
    address = reverse("notifications:unmute", args=[menu.mutes.get().pk])
    assert reader.get(address).status_code == 405
    assert reader.post(address).status_code == 302
    assert reader.post(address).status_code == 404


# From the version before.


@pytest.fixture
def migrated():
    """``migrated(name)``: the database as this migration leaves it. At the end it is the newest again."""

    def migrate(name):
        executor = MigrationExecutor(connection)
        executor.migrate([("notifications", name)])
        return MigrationExecutor(connection).loader.project_state([("notifications", name)]).apps

    yield migrate
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_categories_that_were_switched_off_stay_so(bo, inbox, migrated):
    old = migrated("0002_inboxes")
    old.get_model("notifications", "CategoryMute").objects.create(inbox_id=inbox.pk, category="people")
    migrated("0005_broadcasts")
    assert inbox.muted_categories() == {"people"}
    assert notify(bo, title="Quiet", category="people") is None
    assert notify(bo, title="Loud", category="general")
