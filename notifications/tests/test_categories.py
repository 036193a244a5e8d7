"""Categories: registered in code, and the only kinds of notifications there are."""

import pytest

from notifications import categories
from notifications.delivery import notify
from notifications.lists import filters_of
from notifications.models import Inbox


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """A registry of this test only."""
    monkeypatch.setattr(categories, "_registry", dict(categories._registry))


def test_what_is_registered_is_known_in_the_order_of_registration():
    categories.register("cats", "Cats", icon="chat", level="success")
    assert categories.get("cats") == categories.Category("cats", "Cats", "chat", "success", required=False)
    assert [category.name for category in categories.everything()][-1] == "cats"


@pytest.mark.parametrize("name", ["", "Cats", "9lives", "a:b", "a b", "x" * 41, "k\n", "ä", "../etc"])
def test_a_name_that_cannot_stand_in_an_address_is_refused(name):
    with pytest.raises(ValueError, match="up to 40 of a-z"):
        categories.register(name, "Anything")


def test_a_level_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"info, success, warning, error; got 'loud'"):
        categories.register("cats", "Cats", level="loud")


def test_an_unknown_one_is_refused_with_the_list_of_known_ones():
    known = r"'dogs'\. Known: .*general, jobs, messages, people.*security"
    with pytest.raises(categories.UnknownCategory, match=known):
        categories.get("dogs")


@pytest.mark.django_db(transaction=True)
def test_its_level_is_that_of_its_notifications_unless_they_say_otherwise(bo):
    categories.register("cats", "Cats", level="warning")
    assert notify(bo, title="Meow", category="cats").level == "warning"
    assert notify(bo, title="Purr", category="cats", level="success").level == "success"


@pytest.mark.django_db(transaction=True)
def test_it_is_a_list_of_the_inbox_with_its_own_number(bo, client):
    categories.register("cats", "Cats & more", icon="chat")
    notify(bo, title="Meow", category="cats")
    shown = {one.name: one for one in filters_of(Inbox.objects.of(bo), "category:cats")}["category:cats"]
    assert (shown.label, shown.count, shown.current) == ("Cats & more", 1, True)
    client.force_login(bo)
    assert "Cats &amp; more" in client.get(shown.url).content.decode()


@pytest.mark.django_db(transaction=True)
def test_what_came_in_a_category_that_is_gone_can_still_be_read(bo, client):
    categories.register("cats", "Cats")
    notify(bo, title="Meow", category="cats", key="meow")
    del categories._registry["cats"]
    client.force_login(bo)
    assert "Meow" in client.get("/inbox/").content.decode()
    assert client.get("/inbox/meow/").status_code == 200
    assert client.get("/inbox/?view=category:cats").status_code == 404
