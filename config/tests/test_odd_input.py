"""Whatever somebody types into an address, a form or a body makes no error of ours: an answer, or a refusal."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from config.tests.addresses import addresses, as_, ask
from config.tests.test_addresses import NONE, row_of

pytestmark = pytest.mark.django_db

ARGUMENTS = ["0", "-1", str(2**63 - 1), str(2**63), "9" * 5000, "x" * 101, "%00", "1%00", "%ED%A0%80", "%FF"]
ARGUMENTS += ["..%2F..%2Fetc", "%0D%0AX:1", "0" * 32]
ODD = ["", "-1", str(2**63), "9" * 5000, "\x00", "a\x00b", "\ud800", '{"a": {"b": [1]}}', "x" * 20_000, "٣"]
ODD += ["2026-13-45T99:99", "9999-12-31T23:59", "\r\nX: 1", "\u202e"]

#: What pages read from an address, and from a form. The words are well but for the one that is tried.
QUERIES = {
    "notifications:inbox": "view before q category",
    "notifications:changes": "since board bottom epoch view inbox bell bell_at tray jobs jobs_at line title "
    "thread thread_at thread_read thread_from here_at here",
    "notifications:open": "show",
    "notifications:jobs": "view before",
    "notifications:broadcasts": "page",
    "notifications:unacknowledged": "page",
    "notifications:find_people": "q",
    "notifications:threads": "before",
    "notifications:thread": "before q",
    "notifications:room": "before q",
    "notifications:rooms": "q",
    "notifications:new_thread": "to",
    "notifications:find_reader": "q",
    "notifications:reply": "to",
    "accounts:login": "next",
    "/admin/login/": "next",
    "admin:notifications_notification_changelist": "q p o level__exact id__in",
    "admin:accounts_user_changelist": "q groups__id__exact",
    "admin:auth_group_delete": "_to_field",
}
BROADCAST = {"title": "Lunch", "level": "info", "placement": "both", "audience": "groups", "when": "later"}
PASSWORDS = {"new_password1": "x", "new_password2": "x"}
FORMS: dict[str, dict[str, str]] = {
    "notifications:mark_all_read": {"since": "1", "board": "1", "next": "/inbox/", "live": "on"},
    "notifications:mark_seen": {"since": "1", "board": "1"},
    "notifications:mark_selected_read": {"key": "mine"},
    "notifications:snooze": {"until": "own", "more-own": "2027-01-01T09:00"},
    "notifications:mute": {"mute": "object:day"},
    "notifications:undo": {"undo": ""},
    "notifications:start_export": {"kind": "csv"},
    "notifications:new_thread": {"to": "ada", "text": "Hello", "key": "k"},
    "notifications:say": {"text": "Hello", "key": "k", "to": "mine", "next": "/threads/"},
    "notifications:edit_message": {"text": "Hello"},
    "notifications:report_message": {"reason": "Rude"},
    "notifications:choose_level": {"level": "nothing"},
    "notifications:new_room": {"title": "Kitchen", "about": "Food", "is_open": "1"},
    "notifications:edit_room": {"title": "Kitchen", "about": "Food", "is_open": "1"},
    "notifications:invite": {"names": "ada"},
    "notifications:publish_broadcast": {"version": "1"},
    "notifications:preview_broadcast": BROADCAST | {"broadcast": "1", "groups": "1", "starts_at": "", "ends_at": ""},
    "notifications:new_broadcast": BROADCAST
    | {"key": "", "version": "", "names": "bo", "body": "", "url": "", "do": ""},
    "notifications:edit_broadcast": {**BROADCAST, "version": "1", "author": "", "count": "", "audience": "people"},
    "accounts:profile": {"display_name": "Bo", "time_zone": "Asia/Beirut"},
    "accounts:signup": {"username": "eve", "email": "", "language": "", "time_zone": "", "password1": "x"},
    "accounts:login": {"username": "bo", "password": "belfry-demo", "next": "/inbox/"},
    "accounts:password_reset": {"email": "bo@example.com"},
    "accounts:password_change": {"old_password": "belfry-demo", **PASSWORDS},
    "admin:accounts_user_change": {"username": "bo", "groups": "1", "display_name": "", "date_joined_0": ""},
}
BEFORE_THE_DOOR = {"accounts:signup", "accounts:login", "accounts:password_reset"}


@pytest.fixture
def named(people, things):
    """The path of an address, and who goes there."""

    def find(name: str) -> tuple[Client, str]:
        address = next(one for one in addresses() if one.name == name)
        is_staffs = any(word in name for word in ("broadcast", "admin", "find_people", "unacknowledged"))
        who = "nobody" if name in BEFORE_THE_DOOR else "ada" if is_staffs else "bo"
        return as_(people[who]), address.path(things.of(address))

    return find


def encoded(fields: dict[str, str]) -> str:
    return urlencode({name: value.encode("utf-8", "surrogatepass") for name, value in fields.items()})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_addresses_of_things_that_cannot_be_are_no_error(people, things, method):
    client = as_(people["ada"])
    tried = [one for one in addresses() if one.arguments and not one.name.startswith(("admin:notif", "/admin"))]
    for address in tried:
        for odd in ARGUMENTS:
            answer = ask(client, method, address.path(dict.fromkeys(address.arguments, odd)))
            refused = {302, 400, 403, 404, 405} | ({200} if "password_reset" in address.name else set())
            assert answer.status_code in refused, (address, odd[:40], answer.status_code)


@pytest.mark.parametrize("name", QUERIES)
def test_odd_values_in_an_address_are_no_error(named, name):
    client, path = named(name)
    for field in QUERIES[name].split():
        for odd in ODD:
            assert ask(client, "GET", f"{path}?{encoded({field: odd[:5000]})}").status_code < 500, (field, odd[:40])


@pytest.mark.parametrize("name", FORMS)
def test_odd_values_in_a_form_are_no_error(named, name, settings):
    settings.SIGN_IN_TRIES = settings.SIGN_IN_TRIES_BY_ADDRESS = settings.SIGN_UPS_BY_ADDRESS = 1000
    client, path = named(name)
    for field in FORMS[name]:
        for odd in ODD:
            answer = ask(client, "POST", path, encoded({**FORMS[name], field: odd}), FORM)
            assert answer.status_code < 500, (field, odd[:40])


FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"


def part(name: str, value: str, more: str = "") -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n--x--\r\n'.encode()


BASE64 = "\r\nContent-Transfer-Encoding: base64"
BODIES: dict[str, tuple[bytes, str]] = {
    "a megabyte": (b"key=" + b"x" * 1024 * 1024, FORM),
    "three megabytes": (b"key=" + b"x" * 3 * 1024 * 1024, FORM),
    "1001 fields": (b"&".join([b"key=a"] * 1001), FORM),
    "no form": (b'{"key": "mine"}', "application/json"),
    "no type": (b"key=mine", ""),
    "a type that is none": (b"key=mine", "\x00;;=="),
    "no parts": (b"nothing of the kind", PARTS),
    "no boundary": (b"--x", "multipart/form-data"),
    "an odd boundary": (b"--x", "multipart/form-data; boundary=\xe9" + "x" * 300),
    "a part without an end": (part("key", "x")[:-6], PARTS),
    "a part in no base64": (part("key", "*", BASE64), PARTS),
    "a file with an odd name": (part("file", "bo", '; filename="../../\x00.csv"'), PARTS),
    "a picture that is none": (part("picture", "GIF89a", '; filename="a.png"'), PARTS),
    "utf-7": (b"key=%2B2AA-&username=%2B2AA-", f"{FORM}; charset=utf-7"),
    "utf-16": (b"\xff\xfe", f"{FORM}; charset=utf-16"),
    "hex": (part("key", "zz"), f"{PARTS}; charset=hex"),
    "idna": (part("username", "a" * 100 + ".."), f"{PARTS}; charset=idna"),
}


@pytest.mark.parametrize("what", BODIES)
def test_odd_bodies_are_no_error(people, things, what):
    client: Any = as_(people["ada"])
    for address in addresses():
        if row_of(address)[1] != NONE and not address.name.startswith("admin:notifications"):
            answer = ask(client, "POST", address.path(things.of(address)), *BODIES[what])
            assert answer.status_code < 500, address
    assert ask(client, "GET", "/inbox/?q=%2B2AA-", b"", BODIES[what][1]).status_code < 500
