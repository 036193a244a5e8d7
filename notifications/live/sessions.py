"""Who is at the other end of a socket: Django's own session cookie, looked up in the database.

Sockets live for many minutes, so this is asked again: when a nudge says that a session may have ended, when the
sweep sees the inbox's ``access`` grown, and every 60 s in any case. Written for Django's database sessions.
"""

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.utils.crypto import constant_time_compare
from django.utils.timezone import now


def key_of(scope: dict[str, Any]) -> str:
    """The session key of the handshake's cookie, or "". Odd cookies of others beside it do no harm, as in Django."""
    sent = b";".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
    pairs = (pair.partition("=") for pair in sent.split(";"))
    key = {name.strip(): value.strip() for name, _, value in pairs}.get(settings.SESSION_COOKIE_NAME, "")
    return key if key.isascii() and key.isalnum() else ""


def digest(session_key: str | None) -> str:
    """What the bus may know of a session's key."""
    return hashlib.sha256((session_key or "").encode()).hexdigest()


def users_of(session_keys: set[str]) -> dict[str, Any]:
    """The signed-in, active user of each of these sessions; two queries. Sessions that ended are missing."""
    sessions = Session.objects.filter(pk__in=session_keys, expire_date__gt=now())
    data = {session.session_key: session.get_decoded() for session in sessions}
    users = get_user_model()._default_manager.in_bulk(
        set(filter(is_key, (one.get(SESSION_KEY) for one in data.values())))
    )
    by_id = {str(pk): user for pk, user in users.items()}
    valid = {}
    for key, found in data.items():
        user = by_id.get(str(found.get(SESSION_KEY)))
        if user is not None and user.is_active and is_current(found, user):
            valid[key] = user
    return valid


def is_key(told: object) -> bool:
    """Whether it can be the key of a user: a session may be from before they had other ones."""
    try:
        return get_user_model()._meta.pk.to_python(told) is not None
    except ValidationError:
        return False


def is_current(found: dict[str, Any], user: Any) -> bool:
    """Whether the session was opened with the password that the user has now."""
    if found.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    opened_with = found.get(HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(opened_with, current) for current in hashes)
