"""Verbs: what happened, told in the language of whoever reads it, and harmless whatever its parts are."""

import pytest
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy

from notifications import verbs
from notifications.delivery import notify
from notifications.models import Notification
from notifications.testing.dom import Document

ATTACK = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Verbs of this test only. The catalogue of Django itself knows Monday in every language."""
    monkeypatch.setattr(verbs, "_registry", dict(verbs._registry))
    verbs.register("shift.begins", gettext_lazy("Monday"))
    verbs.register("cat.fed", "{actor} fed {target} at {hour} <now> & here")


def test_a_verb_is_told_in_the_language_of_its_reader():
    told = []
    for language in ("en", "de", "ar"):
        with translation.override(language):
            told.append((verbs.render_text("shift.begins", {}), verbs.render_html("shift.begins", {})))
    assert told == [("Monday", "Monday"), ("Montag", "Montag"), ("الاثنين", "الاثنين")]


def test_its_parts_are_put_in_by_name():
    text = verbs.render_text("cat.fed", {"actor": "Bo", "target": "Tom", "hour": 7})
    assert text == "Bo fed Tom at 7 <now> & here"


def test_as_html_everything_is_escaped_and_each_part_isolated():
    html = verbs.render_html("cat.fed", {"actor": ATTACK, "target": "شرودنغر", "hour": 7})
    assert html == (
        "<bdi>&lt;img src=x onerror=alert(1)&gt;</bdi> fed <bdi>شرودنغر</bdi> at <bdi>7</bdi> &lt;now&gt; &amp; here"
    )


def test_a_part_that_looks_like_a_part_is_not_put_in_again():
    parts = {"actor": "{target}", "target": "{actor.password}", "hour": "{0}"}
    assert verbs.render_text("cat.fed", parts).startswith("{target} fed {actor.password} at {0}")
    assert "<bdi>{target}</bdi> fed <bdi>{actor.password}</bdi>" in verbs.render_html("cat.fed", parts)


def test_a_verb_or_part_that_is_gone_leaves_a_readable_row():
    assert verbs.render_text("no.longer.known", {}) == verbs.render_html("no.longer.known", {}) == "no.longer.known"
    assert verbs.render_text("cat.fed", {"actor": "Bo"}) == "Bo fed target at hour <now> & here"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["notification", "bell", "item"])
def test_a_row_of_a_verb_is_inert_wherever_it_stands(bo, place):
    notification = notify(bo, verb="cat.fed", actor=ATTACK, target=ATTACK, params={"hour": ATTACK})
    html = render_to_string("notifications/_notification.html", {"n": notification, "place": place})
    html += render_to_string("notifications/_toast.html", {"n": notification})
    assert not list(Document(html).root.iter("img"))
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") >= 3


@pytest.mark.django_db(transaction=True)
def test_two_readers_of_one_page_each_read_it_in_their_language(chi, dana, client):
    for reader, monday in ((chi, "Montag"), (dana, "الاثنين")):
        notify(reader, verb="shift.begins", reason="Monday", body="Monday")
        client.force_login(reader)
        page = Document(client.get("/inbox/").content.decode())
        assert page.text("#feed").count(monday) >= 3
        assert "Monday" not in page.text("#feed")


@pytest.mark.django_db(transaction=True)
def test_a_plain_title_and_its_body_are_shown_as_they_were_given(chi, client):
    notify(chi, title="Monday", body="Sunday")
    client.force_login(chi)
    text = Document(client.get("/inbox/").content.decode()).text("#feed")
    assert ("Monday" in text, "Sunday" in text) == (True, True)


def test_a_part_is_never_taken_for_the_actor_by_mistake():
    notification = Notification(verb="cat.fed", actor_name="Bo", target_label="Tom", params={"hour": 7})
    assert notification.title_text == "Bo fed Tom at 7 <now> & here"


@pytest.mark.parametrize(("params", "missing"), [({}, "hour"), ({"hours": 7}, "hour")])
def test_a_part_that_is_missing_is_named(params, missing):
    with pytest.raises(ValueError, match=f"'cat.fed' needs {missing}"):
        verbs.check("cat.fed", {"actor": "", "target": "", **params})


def nested(times, text="{a}", part="x"):
    for _ in range(times):
        part = {"text": text, "params": {"a": part}}
    return {"actor": part, "target": "it", "hour": 1}


@pytest.mark.parametrize(
    "params",
    [
        nested(300),
        nested(5, "{a}" * 10),
        {**nested(0), "actor": {"text": "{a}", "params": [1]}},
        {**nested(0), "actor": "x" * 1_000_000},
    ],
    ids=["deep", "bomb", "list", "long"],
)
def test_whatever_a_part_holds_the_row_stays_short_and_readable(params):
    for said in (verbs.render_text("cat.fed", params), str(verbs.render_html("cat.fed", params))):
        assert "at 1" in said.replace("<bdi>", "") or len(said) == verbs.LONGEST
        assert len(said) < verbs.LONGEST + 100
