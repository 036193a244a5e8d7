"""Whatever people write, wherever it is shown, changes the text of a page and nothing else of it."""

import email
import re
from urllib.parse import urlencode

import pytest
from django.test import Client

from notifications.models import Notification
from notifications.testing.dom import parse
from notifications.tests.hostile import CORPUS, Everything
from notifications.tests.test_inert import inline

pytestmark = pytest.mark.django_db(transaction=True)

HARMLESS = "Harmless"
TURNS = 8  # each text is looked at on every eighth page, and each page with every eighth text
#: Where a text may become elements: web addresses and lines of a body, and staff's Markdown. These and no others.
MADE_OF_TEXT = {"body", "prose", "readonly"}
MAY_BE_MADE = {"div", "p", "br", "a", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "h2", "h3"}
MAY_BE_MADE |= {"mark"}  # around mentions


@pytest.fixture
def clients(bo, ada):
    ada.is_superuser = True
    ada.save()
    found = []
    for user in (bo, ada):
        found.append(Client())
        found[-1].force_login(user)
    return found


def pages(everything: Everything, clients: list[Client], turn: int | None = None) -> dict[str, str]:
    """All pages, or those whose turn it is."""
    reader, staff = clients
    for client in clients:
        client.get("/inbox/")  # a visit makes the own rows of broadcasts
    for key in (everything.key, everything.broadcast.row_key):
        reader.get(f"/inbox/{key}/?show=1")  # and what was read, counts
    paths = [*((reader, path) for path in everything.of_reader()), *((staff, path) for path in everything.of_staff())]
    found = {}
    for number, (client, path) in enumerate(paths):
        if turn is None or number % TURNS == turn % TURNS:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.status_code)
            found[re.sub(r"[0-9a-f-]{36}|\d+", "N", path)] = answer.content.decode()
    return found


def signature(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """The elements of a page with the names of their attributes, but for those that were made of a text."""
    root = parse(html)
    made = {
        inner
        for one in root.iter()
        if MADE_OF_TEXT & set(one.get("class", "").split())
        for inner in list(one.iter())[1:]
    }
    for one in made:
        if one.get("src", "").startswith("/static/admin/"):  # the administration's marks for yes and no
            continue
        assert str(one.tag) in MAY_BE_MADE, one.tag
        assert set(one.attrib) <= {"href", "rel", "class"}, one.attrib
        assert re.match(r"https?://|/|mailto:", one.get("href", "/")), one.attrib
    return [(str(one.tag), tuple(sorted(one.attrib))) for one in root.iter() if one not in made]


def test_every_page_has_the_same_elements_whatever_people_have_written(bo, ada, clients):
    Notification.objects.all().delete()  # staff have been told of new accounts
    everything = Everything(HARMLESS, bo, ada)
    tame = {path: signature(html) for path, html in pages(everything, clients).items()}
    for number, text in enumerate(CORPUS):
        everything.remove()
        everything = Everything(text, bo, ada)
        for path, html in pages(everything, clients, turn=number).items():
            assert signature(html) == tame[path], (path, text)
            assert inline(html) == [], (path, text) if not path.startswith("/admin/") else ()


@pytest.mark.parametrize("path", ["/inbox/", "/broadcasts/people/", "/admin/accounts/user/"])
def test_what_was_searched_for_is_text_again(clients, path):
    reader, staff = clients
    client = reader if path == "/inbox/" else staff
    tame = signature(client.get(f"{path}?q=nothing-of-the-kind").content.decode())
    for text in CORPUS:
        html = client.get(f"{path}?{urlencode({'q': text + ' nothing-of-the-kind'})}").content.decode()
        assert signature(html) == tame, text


def test_a_mail_has_the_same_headers_whatever_somebody_is_called(client, bo, mailoutbox, settings):
    settings.SIGN_UPS_BY_ADDRESS = 1000
    for number, text in enumerate(CORPUS):
        bo.display_name, bo.email = text[:100], f"bo{number}@example.com"
        bo.save()
        client.post("/accounts/password/reset/", {"email": bo.email})
        mail = email.message_from_bytes(mailoutbox[-1].message().as_bytes())
        assert (mail.get_all("To"), mail["Bcc"]) == ([bo.email], None)
        assert not mail.is_multipart()
        assert "http://testserver/accounts/password/reset/" in mailoutbox[-1].body
    assert len(mailoutbox) == len(CORPUS)
