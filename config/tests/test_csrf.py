"""Nothing is written for a page of somebody else's: each address that takes a POST wants the site's own token."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from config.tests.addresses import Address, addresses
from config.tests.test_addresses import NONE, row_of
from notifications.models import Inbox

pytestmark = pytest.mark.django_db

WITHOUT_TOKEN = {"csp_reports"}  # browsers send their reports without one, and nothing is written but a line of the log
WORDS = {"key": "mine", "until": "tomorrow", "mute": "object:day", "do": "publish", "title": "Evil", "kind": "csv"}
WORDS |= {"old_password": "belfry-demo", "new_password1": "evil-password-1", "new_password2": "evil-password-1"}
WORDS |= {"to": "ada", "text": "Evil", "level": "nothing", "names": "ada"}
WORDS |= {"display_name": "Evil", "email": "evil@example.com", "post": "yes", "username": "evil"}
HERE = "https://testserver"


def writes() -> list[Address]:
    return [one for one in addresses() if row_of(one)[1] != NONE and one.name not in WITHOUT_TOKEN]


def strict(user: Any) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def everything() -> dict[tuple[str, Any], Any]:
    rows = json.loads(connection.creation.serialize_db_to_string())
    return {(row["model"], str(row["pk"])): row["fields"] for row in rows}


def test_without_a_token_nothing_is_written_anywhere_for_anybody(people, things):
    clients = [strict(user) for user in (people["bo"], people["ada"])]
    for client in clients:
        client.get("/inbox/")  # whom a broadcast has reached is noted by a visit
    before = everything()
    for client in clients:
        for address in writes():
            assert client.post(address.path(things.of(address)), WORDS).status_code == 403, address
    assert everything() == before


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ({"Origin": HERE}, True),
        ({"Referer": f"{HERE}/inbox/"}, True),
        ({"Origin": HERE, "Referer": "https://evil.example/"}, True),  # the Origin counts where there is one
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://testserver"}, False),
        ({"Origin": "https://testserver.evil.example", "Referer": f"{HERE}/"}, False),
        ({"Referer": "https://evil.example/"}, False),
        ({"Referer": "http://testserver/"}, False),
        ({"Referer": "https://testserver@evil.example/"}, False),
        ({"Referer": "nonsense"}, False),
    ],
)
def test_over_https_even_a_token_counts_only_from_pages_of_our_own(bo, headers, is_let_in):
    client = strict(bo)
    client.get("/inbox/", secure=True)
    words = {"csrfmiddlewaretoken": client.cookies[settings.CSRF_COOKIE_NAME].value}
    answer = client.post("/inbox/preferences/toasts/off/", words, secure=True, headers=headers)
    shows_toasts = Inbox.objects.get(user=bo).shows_toasts
    assert (answer.status_code, shows_toasts) == ((302, False) if is_let_in else (403, True))


def test_there_are_many_addresses_that_write(people):
    assert len(writes()) > 50
