"""Nothing that somebody sends can act in a page, and no page of ours holds anything inline."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from notifications.delivery import notify
from notifications.testing.dom import parse

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
FOR_READERS = [
    INBOX,
    f"{INBOX}?view=unread",
    f"{INBOX}?view=archived",
    f"{INBOX}?before=99999999999999999",
    "/inbox/attack/",
    "/inbox/nothing-here/",
    reverse("notifications:preferences"),
    reverse("accounts:profile"),
    reverse("accounts:password_change"),
]
FOR_EVERYBODY = [
    reverse("accounts:login"),
    reverse("accounts:signup"),
    reverse("accounts:password_reset"),
    "/no-such-page/",
]
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><b hx-get="/inbox/" hx-trigger="load">bold</b>',
    "<li id='feed' hx-swap-oob='true'>gone</li>",
    "</title></li></ol><hx-upsert hx-target='#feed'><li id='x'>x</li></hx-upsert>",
    "{{ inbox.user }}{% csrf_token %}",
    "&lt;b&gt; &amp;amp; <!-- -->",
]


def elements(html: str) -> Iterator[Element]:
    return parse(html).iter()


def inline(html: str) -> list[str]:
    """What a policy of `script-src 'self'; style-src 'self'` would refuse."""
    found = []
    for element in elements(html):
        tag = str(element.tag)
        if tag == "style" or (tag == "script" and not element.get("src")):
            found.append(tag)
        for name, value in element.attrib.items():
            is_code = str(value).strip().lower().startswith(("javascript:", "data:", "js:"))
            if name == "style" or name.startswith(("on", "hx-on")) or is_code:
                found.append(f"{tag} {name}")
    return found


@pytest.fixture
def reader(bo, inbox, client):
    client.force_login(bo)
    return client


def every_answer(bo, reader: Client, **content: str) -> dict[str, str]:
    """Each place in which a notification is shown: lists, item, bell, and the frame with its row and its toast."""
    form = {"since": "0", "view": "feed:all", "bell": "1"}
    notify(bo, key="attack", **content)
    answers = {
        "row": reader.get(INBOX),
        "frame": reader.get(reverse("notifications:changes"), form),
        "bell": reader.post(reverse("notifications:mark_seen"), form, headers={"HX-Request": "true"}),
        "item": reader.get("/inbox/attack/?show=1"),
    }
    toast = render_to_string("notifications/_toast.html", {"n": bo.inbox.notifications.get(key="attack")})
    return {"toast": toast, **{place: answer.content.decode() for place, answer in answers.items()}}


def signature(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """The elements of a page with the names of their attributes: what text alone cannot change."""
    return [(str(element.tag), tuple(sorted(element.attrib))) for element in elements(html)]


@pytest.mark.parametrize("path", FOR_READERS)
def test_a_readers_pages_hold_nothing_inline_and_say_so_to_the_browser(bo, reader, path):
    notify(bo, title="Anything", body="At all", key="attack")
    check(reader.get(path))


@pytest.mark.parametrize("path", FOR_EVERYBODY)
def test_everybodys_pages_hold_nothing_inline_and_say_so_to_the_browser(db, client, path):
    check(client.get(path))


def test_a_refusal_holds_nothing_inline_either(bo):
    stranger_site = Client(enforce_csrf_checks=True)
    stranger_site.force_login(bo)
    check(stranger_site.post(reverse("notifications:mark_all_read")))


def check(response) -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert inline(response.content.decode()) == []


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("part", ["title", "body", "reason", "actor", "target"])
def test_what_was_sent_is_text_wherever_it_is_shown(bo, reader, part, attack):
    harmless = {"title": "A", "body": "B", "reason": "C", "actor": "D", "target": "E", "level": "warning"}
    tame = {place: signature(html) for place, html in every_answer(bo, reader, **harmless).items()}
    bo.inbox.notifications.all().delete()
    wild = {place: signature(html) for place, html in every_answer(bo, reader, **{**harmless, part: attack}).items()}
    assert wild == tame


@pytest.mark.parametrize("attack", [*ATTACKS, "x" * 200, "\u202eevil\u202c \u200f\u200eשלום", "a\u0301\u200d🏳️‍🌈"])
def test_it_is_shown_as_it_was_written(bo, reader, attack):
    for place, html in every_answer(bo, reader, title=attack, body=attack).items():
        links = ["".join(link.itertext()) for tag in ("a", "h1") for link in parse(html).iter(tag)]
        assert attack in links, f"not in the {place}"


def test_links_in_a_body_lead_out_without_a_way_in(bo, reader):
    notify(bo, title="Read", body='See https://example.com/?a=1&b="2 and javascript:alert(1)', key="attack")
    page = elements(reader.get("/inbox/attack/").content.decode())
    body = next(one for one in page if one.get("class") == "body")
    links = [link.get("href") for link in body.iter("a")]
    assert links == ["https://example.com/?a=1&b="]
