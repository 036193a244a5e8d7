"""Every address of the site, with every method, for everybody: what must happen stands in a table.

Nothing answers that does not stand there, and nothing that anybody sends makes an error of ours.
"""

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from config.tests.addresses import Address, addresses, as_, ask

pytestmark = pytest.mark.django_db

NONE = "405 405 405 405"
ALL = "200 200 200 200"
IN = "in in in in"
#: What somebody gets who is not signed in, Bo whose things they are, Chi the stranger, and Ada, who is staff with every
#: permission. door: the sign-in, and back from there; back: where the form stood; one: the page of the broadcast; room:
#: that of the room; in: the inbox; admin: the administration's door, behind which is nothing for others than staff.
#: HEAD is as GET; of other methods there are none.
TABLE = (
    # GET                     POST                       addresses
    ("in in in in", NONE, "home"),
    (ALL, NONE, "notifications: livez readyz metrics"),
    ("door 200 200 200", NONE, "notifications: inbox changes preferences jobs"),
    ("door 200 404 404", NONE, "notifications: open more"),
    ("door 200 404 200", NONE, "notifications: job job_result"),
    ("door 404 404 200", NONE, "notifications: broadcasts find_people broadcast unacknowledged"),
    ("door 404 404 200", "door 404 404 200", "notifications: new_broadcast edit_broadcast"),
    (NONE, "door back back back", "notifications: mark_seen mark_all_read archive_all undo start_export *_selected*"),
    (NONE, "door back back back", "notifications: show_toasts hide_toasts enable_shortcuts disable_shortcuts"),
    (NONE, "door back back back", "notifications: mute_category unmute_category send_echo"),
    (NONE, "door back 404 404", "notifications: mark_read mark_unread archive unarchive snooze unsnooze mute unmute"),
    (NONE, "door back 404 404", "notifications: mark_saved mark_unsaved dismiss acknowledge"),
    (NONE, "door back 404 back", "notifications: cancel_job end_job_by_force retry_job"),
    (NONE, "door 404 404 200", "notifications: preview_broadcast"),
    (NONE, "door 404 404 one", "notifications: import_recipients publish_broadcast cancel_broadcast undo_publication"),
    (NONE, "door 404 404 one", "notifications: end_broadcast withdraw_broadcast discard_broadcast remind_broadcast"),
    ("door 200 200 200", NONE, "notifications: threads rooms find_reader"),
    ("door 200 200 200", "door 422 422 422", "notifications: new_thread new_room"),
    ("door 200 404 200", NONE, "notifications: thread message"),
    ("door talk 404 talk", NONE, "notifications: reply"),
    ("door 200 404 404", NONE, "notifications: room members"),
    ("door 200 404 404", "door 422 404 404", "notifications: edit_room"),
    (NONE, "door 422 404 422", "notifications: say edit_message"),
    (NONE, "door 422 404 404", "notifications: invite"),
    (NONE, "door back 404 back", "notifications: choose_level block_reader unblock_reader"),
    (NONE, "door back 404 back", "notifications: retract_message report_message"),
    (NONE, "door back 404 404", "notifications: dismiss_member unblock"),
    (NONE, "door room 404 404", "notifications: join_room"),
    (NONE, "door talks 404 404", "notifications: leave_room"),
    (NONE, "door back back back", "notifications: become_visible become_invisible"),
    ("200 in in in", "200 in in in", "accounts: signup login"),
    (NONE, "out out out out", "accounts: logout"),
    ("door 200 200 200", "door 200 200 200", "accounts: profile password_change"),
    (NONE, "door 422 422 422", "accounts: upload_avatar"),
    (NONE, "door me me me", "accounts: remove_avatar"),
    ("404 404 404 404", NONE, "accounts: avatar"),
    (ALL, ALL, "accounts: password_reset password_reset_confirm"),
    (ALL, NONE, "accounts: password_reset_done password_reset_complete"),
    (NONE, "400 400 400 400", "csp_reports"),
    ("icon icon icon icon", NONE, "/favicon.ico"),
    ("door 404 404 door", NONE, "/admin/login/"),
    ("pass pass pass pass", NONE, "/admin/password_change/"),
)
#: The administration, whose addresses are Django's: * stands for those of one kind, and the first row counts.
ADMIN = (
    ("admin admin admin 302", "admin admin admin 302", "admin:notifications_broadcast_add /admin/*/<path:object_id>/"),
    ("admin admin admin one", "admin admin admin one", "admin:notifications_broadcast_change"),
    ("admin admin admin job", "admin admin admin job", "admin:notifications_job_change"),
    ("admin admin admin 200", "admin admin admin 403", "admin:notifications_*_change"),
    ("admin admin admin 403", "admin admin admin 403", "admin:notifications_*_add admin:notifications_*_delete"),
    ("admin admin admin 403", "admin admin admin 405", "admin:autocomplete"),
    ("admin admin admin 404", "admin admin admin 404", "admin:view_on_site /admin/(?P<url>*"),
    ("index index index 405", "index index index out", "admin:logout"),
    ("admin admin admin 200", "admin admin admin 405", "admin:password_change_done admin:jsi18n"),
    ("admin admin admin 200", "admin admin admin 200", "admin:index admin:app_list"),
    (
        "admin admin admin 200",
        "admin admin admin 200",
        "admin:*_changelist admin:*_history admin:auth_* admin:accounts_*",
    ),
)
WHERE = {
    "in": "/inbox/",
    "back": "/inbox/",
    "one": r"/broadcasts/\d+/",
    "room": "/rooms/[a-z-]+/",
    "out": "/accounts/login/",
    "me": "/accounts/profile/",
    "talk": r"/threads/\d+/",
    "talks": "/threads/",
    "icon": "/static/img/favicon.svg",
    "pass": "/accounts/password/",
    "job": "/jobs/[0-9a-f-]{36}/",
    "index": "/admin/",
    "door": r"/accounts/login/\?next=.+",
    "admin": r"/admin/login/\?next=/admin/.*",
}


def row_of(address: Address) -> tuple[str, str]:
    for get, post, names in (*TABLE, *ADMIN):
        first, *rest = names.split()
        patterns = [first + name for name in rest] if first.endswith(":") else [first, *rest]
        if any(fnmatchcase(address.name, pattern.replace("[", "[[]")) for pattern in patterns):
            return get, post
    raise AssertionError(f"{address} is a new address: say in the table what it does.")


def is_answered(answer: Any, wanted: str) -> bool:
    if wanted.isdecimal():
        return answer.status_code == int(wanted)
    return answer.status_code == 302 and re.fullmatch(WHERE[wanted], answer["Location"]) is not None


@pytest.mark.parametrize("who", range(4), ids=["nobody", "bo", "chi", "ada"])
def test_every_address_answers_everybody_as_the_table_says(people, things, who):
    client, found = as_([*people.values()][who]), []
    for address in addresses():
        path = address.path(things.of(address))
        get, post = (cells.split()[who] for cells in row_of(address))
        for method, wanted in (("GET", get), ("HEAD", get), ("POST", post)):
            answer = ask(client, method, path)
            if not is_answered(answer, wanted):
                found.append(f"{method} {address}: {answer.status_code} {answer.get('Location', '')}, not {wanted}")
    assert found == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "HACK"])
def test_other_methods_are_refused_everywhere_before_anybody_is_asked_who_it_is(things, method, bo):
    client = as_(bo)
    assert {ask(client, method, one.path(things.of(one))).status_code for one in addresses()} == {405}


def test_no_row_of_the_table_is_about_nothing():
    names = [one.name for one in addresses()]
    for _get, _post, row in (*TABLE, *ADMIN):
        first, *rest = row.split()
        for pattern in [first + name for name in rest] if first.endswith(":") else [first, *rest]:
            assert any(fnmatchcase(name, pattern) for name in names), pattern


# Strangers.

NOWHERE = {
    "key": "nowhere",
    "pk": "987654321",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "object_id": "987654321",
    "room": "nowhere",
}


def nowhere(address: Address, there: dict[str, str]) -> dict[str, str]:
    """Arguments of the same kind that lead to nothing."""
    is_room = address.name.endswith(":room")
    kinds = {"pk": "uuid"} if "<uuid" in address.route else {"name": "room"} if is_room else {}
    return {name: NOWHERE.get(kinds.get(name, name), value) for name, value in there.items()}


def without_tokens(answer: Any) -> tuple[int, str]:
    """Nor the address itself, to which the page leads back."""
    return answer.status_code, re.sub(r'value="(\w{64}|/[^"]*)"', "", answer.content.decode())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stranger_cannot_tell_what_is_bos_from_what_is_nowhere(people, things, method):
    client, compared = as_(people["chi"]), 0
    for address in addresses():
        there = things.of(address)
        if {"key", "pk", "object_id"} & set(address.arguments) or address.name.endswith(":room"):
            bos, nobodys = (ask(client, method, address.path(to)) for to in (there, nowhere(address, there)))
            compared += 1
            if bos.status_code != 302:  # to the administration's door, which the table knows
                assert bos.status_code in (404, 405), address
                assert without_tokens(bos) == without_tokens(nobodys), address
    assert compared > 50
