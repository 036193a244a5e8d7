"""Search: all words, in one's own inbox, with numbers that are true."""

from datetime import timedelta
from itertools import product
from urllib.parse import urlsplit

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy

from notifications import lists, verbs
from notifications.delivery import notify
from notifications.models import clock
from notifications.models.notification import LISTS
from notifications.search import Search
from notifications.testing.dom import Document
from notifications.views.search import filters_of, search_of

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
LATER = timedelta(hours=1)


def found(inbox, text: str, view: str = "all", category: str = "") -> list[str]:
    return [row.key for row in Search(text, view, category).rows(inbox)]


@pytest.fixture
def menu(bo, inbox):
    """One with a word in each of its parts."""
    notify(
        bo,
        key="menu",
        verb="comment.added",
        actor="Ana Lopez",
        target="Autumn menu",
        body="Pumpkin soup, twice",
        category="comments",
    )
    notify(bo, key="other", title="Something else", body="Pumpkin pie")
    return inbox


# Words.


@pytest.mark.parametrize(
    "text", ["lopez", "Ana", "autumn", "soup", "commented", "AUTUMN", "  soup  ", "pumpkin soup ana"]
)
def test_a_word_is_found_in_body_actor_target_and_in_the_sentence_of_the_verb(menu, text):
    assert found(menu, text) == ["menu"]


def test_it_is_found_in_the_title(menu):
    assert found(menu, "something") == ["other"]


@pytest.mark.parametrize("text", ["soup pie", "autumn else", "soup nothing"])
def test_all_words_must_be_there(menu, text):
    assert found(menu, text) == []


@pytest.mark.parametrize("text", ["pump", "Pumpk"])
def test_the_beginning_of_a_word_is_enough(menu, text):
    assert found(menu, text) == ["other", "menu"]


def test_the_end_of_a_word_is_not(menu):
    assert found(menu, "umpkin") == []


@pytest.mark.parametrize("text", ["", "   ", "&|!", "…"])
def test_without_words_the_list_is_whole(menu, text):
    assert found(menu, text) == ["other", "menu"]


@pytest.mark.parametrize("text", ["actor", "target", "{actor}"])
def test_the_names_of_a_verbs_parts_are_no_words_of_it(menu, text):
    assert found(menu, text) == []


def test_the_sentence_of_a_verb_is_found_in_the_readers_language(bo, inbox, monkeypatch):
    monkeypatch.setitem(verbs._registry, "test.yes", gettext_lazy("Yes"))
    notify(bo, verb="test.yes", key="yes")
    with translation.override("de"):
        assert found(inbox, "ja") == ["yes"]
        assert found(inbox, "yes") == []


def test_what_is_no_longer_available_is_not_found_by_what_it_said(menu):
    menu.mark_unavailable("menu")
    for text in ("soup", "autumn", "lopez", "commented"):
        assert found(menu, text) == []
    assert found(menu, "") == ["other", "menu"]
    assert Search("soup").counts(menu)["all"] == 0


RUBBISH = [
    *(
        "'",
        "''",
        '"',
        "\\",
        "\\'",
        "%",
        "_",
        "a%b",
        "'; DROP TABLE x; --",
        "soup' | 'pie",
        "soup | pie",
        "!soup",
        "soup:*",
    ),
    *(
        "soup <-> pie",
        "(soup",
        "<2>",
        ":A",
        "soup:*A",
        "'a':*",
        "_______",
        "\x00",
        "so\x00up",
        "é",
        "日本",
        "دانا",
        "🥣",
    ),
    *("\u202e", "x" * 1_000_000, "a " * 500_000),
]


def test_nothing_that_anybody_types_breaks_it_or_finds_more(menu, bo, client):
    client.force_login(bo)
    for text in RUBBISH:
        assert "\x00" not in search_of({"q": text}).text
        assert set(found(menu, search_of({"q": text}).text)) <= {"menu", "other"}
        answer = client.get(INBOX, {"q": text})
        assert answer.status_code == 200, text[:20]


def test_bytes_that_are_no_text_are_no_error(bo, client):
    client.force_login(bo)
    assert client.get(f"{INBOX}?q=%ff%fe%ed%a0%80").status_code == 200


@pytest.mark.parametrize("text", ["100%", "p_mpkin", "pumpk%n"])
def test_percent_and_underscore_stand_for_nothing(menu, text):
    assert found(menu, text) == []


def test_many_words_cost_no_more_than_ten(menu, django_assert_num_queries):
    search = Search(" ".join(f"soup{n}" for n in range(40)))
    assert len(search.words) == 10
    with django_assert_num_queries(1):
        list(search.rows(menu))


@pytest.mark.parametrize("text", ["tomas", "TOMÁS", "Tomás", "straße", "STRASSE", "θαλασσα", "ferry_web", "ferry-web"])
def test_capitals_accents_and_joints_make_no_difference(bo, inbox, text):
    notify(bo, key="trip", title="Tomás wartet in der Straße: Θάλασσα, ferry-web")
    notify(bo, key="other", title="Ana")
    assert found(inbox, text) == ["trip"]


# Numbers.


@pytest.fixture
def varied(bo, inbox):
    """Each state, in two categories; half of them with the word."""
    for n in range(24):
        notify(bo, title=f"{'soup' if n % 2 else 'pie'} {n}", key=f"n{n}", category="comments" if n % 3 else "general")
    inbox.mark_read(*(f"n{n}" for n in range(0, 24, 4)))
    inbox.mark_saved(*(f"n{n}" for n in range(0, 24, 5)))
    inbox.snooze(*(f"n{n}" for n in range(18, 22)), until=clock.now() + LATER)
    inbox.archive(*(f"n{n}" for n in range(15, 20)))
    return inbox


@pytest.mark.parametrize("text", ["", "soup", "nothing"])
def test_every_number_is_the_length_of_the_list_that_it_leads_to(varied, text):
    for view, category in product(LISTS, ["", "comments", "people"]):
        facets = filters_of(varied, Search(text, view, category))
        assert {one.name for one in facets} >= {*LISTS, "category:comments", "category:general"}
        for facet in (one for one in facets if one.name != f"category:{category}"):  # that one leads out of it
            assert search_of(QueryDict(urlsplit(facet.url).query)).rows(varied).count() == facet.count, facet.url
        current = {one.name for one in facets if one.current}
        assert current == {view, *([f"category:{category}"] if category else [])}


def test_the_page_shows_these_numbers_and_they_lead_there(bo, varied, client):
    client.force_login(bo)
    facets = client.get(INBOX, {"q": "soup", "view": "saved", "category": "comments"}).context["filters"]
    assert any(facet.count for facet in facets)
    for facet in (one for one in facets if one.name != "category:comments"):
        assert len(keys(client.get(facet.url))) == facet.count, facet.url


def keys(answer) -> list[str]:
    page = Document(answer.content.decode())
    return [row.get("id").removeprefix("notification-") for row in page.rows()]


def test_the_lists_of_a_search_are_those_of_the_inbox(varied):
    for view in LISTS:
        assert found(varied, "", view) == [row.key for row in varied.notifications.in_view(view)]


def test_list_and_category_and_words_go_together(varied):
    assert found(varied, "soup", "archived", "comments") == ["n19", "n17"]


def test_leafing_shows_everything_once_and_keeps_what_was_looked_for(bo, varied, client, monkeypatch):
    monkeypatch.setattr(lists, "PAGE_LENGTH", 3)
    client.force_login(bo)
    url, seen = f"{INBOX}?q=soup&category=comments", []
    while url:
        answer = client.get(url)
        seen += keys(answer)
        links = [one.get("href") for one in Document(answer.content.decode()).by_id("older").iter("a")]
        url = links[0] if links else ""
    assert seen == found(varied, "soup", "all", "comments")
    assert len(seen) > 3


@pytest.mark.parametrize(
    "query",
    [
        {"q": "x", "view": "cats"},
        {"q": "x", "view": ""},
        {"q": "x", "category": "cats"},
        {"q": "x", "view": "category:cats"},
        {"q": "x", "before": "x"},
        {"category": "cats"},
        {"category": "comments\x00"},
    ],
)
def test_an_unknown_list_is_a_404(bo, client, query):
    client.force_login(bo)
    assert client.get(INBOX, query).status_code == 404


# Whose.


def test_nothing_of_another_reader_is_found_or_counted(bo, chi, menu):
    stranger = Client()
    stranger.force_login(chi)
    answer = stranger.get(INBOX, {"q": "soup"})
    assert keys(answer) == []
    assert all(one.count == 0 for one in answer.context["filters"])
    assert "Autumn" not in answer.content.decode()


def test_who_is_not_signed_in_is_led_to_the_door(client):
    assert client.get(INBOX, {"q": "soup"}).status_code == 302


def test_what_was_typed_is_shown_escaped(bo, client):
    client.force_login(bo)
    html = client.get(INBOX, {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in html
    assert 'value="&quot;&gt;&lt;script&gt;' in html


def test_what_a_newer_event_of_its_group_stands_for_is_no_result(bo, inbox):
    notify(bo, title="Soup", key="one", group_key="g")
    notify(bo, title="Soup", key="two", group_key="g")
    assert found(inbox, "soup") == ["two"]
    assert Search("soup").counts(inbox)["all"] == 1
