"""How often somebody may try: to sign in, to sign up, to have a new password sent.

Every try is paid for before anything is looked at, under a lock in the database: so fifty tries at once are no more
than ten one after the other, all server processes count together, and none of it needs Redis. What was no guess,
because the password was right, is given back.

A name alone must not be able to keep its owner out, or anybody could, by hammering on it. A browser in which the owner
has signed in before carries a signed cookie, and has a budget of its own, which no other browser can use up (a device
cookie, as OWASP describes it). Whoever has none can have a new password sent: that makes the browser known, too.

Nothing here looks whether an account exists: a name is a name, and what is said of it is the same.
"""

import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from django.conf import settings
from django.core import signing
from django.core.signing import BadSignature
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.timezone import now
from django.utils.translation import ngettext

from accounts.models import Budget

QUARTER, HOUR = 900, 3600  # seconds
MAILS_PER_ACCOUNT = 3  # an hour: links to choose a new password
SIGN_UPS_PER_NAME = 10  # an hour
BROWSER_AGE = 365 * 24 * 3600  # seconds for which a browser is known after its last sign-in
BROWSER_ACCOUNTS = 5  # that one browser is known for
SALT = "accounts.limits"


@dataclass(frozen=True)
class Charge:
    """One try, on the budget of ``whose``: at most ``count`` at once, and as many again spread over ``seconds``."""

    what: str
    whose: str
    count: int
    seconds: int

    @property
    def digest(self) -> str:
        return salted_hmac(SALT, f"{self.what}:{self.whose}", algorithm="sha256").hexdigest()

    @property
    def price(self) -> timedelta:
        return timedelta(seconds=self.seconds / self.count)


# What a try costs.


def signing_in(request: HttpRequest, name: str) -> list[Charge]:
    if browser := known_accounts(request).get(digest_of(name)):
        return [Charge("sign-in-browser", browser, settings.SIGN_IN_TRIES, QUARTER)]
    return [
        Charge("sign-in-address", address_of(request), settings.SIGN_IN_TRIES_BY_ADDRESS, QUARTER),
        Charge("sign-in-account", normal(name), settings.SIGN_IN_TRIES, QUARTER),
    ]


def signing_up(request: HttpRequest, name: str) -> list[Charge]:
    return [
        Charge("sign-up-address", address_of(request), settings.SIGN_UPS_BY_ADDRESS, HOUR),
        Charge("sign-up-name", normal(name), SIGN_UPS_PER_NAME, HOUR),
    ]


def having_a_password_sent(request: HttpRequest, email: str) -> list[Charge]:
    return [
        Charge("reset-address", address_of(request), settings.SIGN_UPS_BY_ADDRESS, HOUR),
        Charge("reset-account", normal(email).casefold(), MAILS_PER_ACCOUNT, HOUR),
    ]


def changing_password(request: HttpRequest) -> list[Charge]:
    """By session: whoever took one over can neither guess the old password with it, nor keep the owner from it."""
    return [Charge("old-password", request.session.session_key or "", settings.SIGN_IN_TRIES, QUARTER)]


# Paying.


def take(charges: Iterable[Charge]) -> int:
    """Pay for a try on all of these budgets or, where one of them lacks it, on none. How many seconds to wait; 0 is
    that it is paid for."""
    wanted = sorted(charges, key=lambda charge: charge.digest)  # in one order, so that no two tries wait for each other
    moment = now()
    with transaction.atomic():
        budgets = locked([charge.digest for charge in wanted], moment)
        wait = timedelta()
        for charge in wanted:
            budget = budgets[charge.digest]
            budget.free_at = max(budget.free_at, moment) + charge.price
            wait = max(wait, budget.free_at - moment - timedelta(seconds=charge.seconds))
        if wait <= timedelta():
            Budget.objects.bulk_update(budgets.values(), ["free_at"])
    return ceil(wait.total_seconds())


def locked(digests: list[str], moment: datetime) -> dict[str, Budget]:
    """These budgets, made where they are missing, until the transaction ends. The insert locks what is there."""
    fresh = [Budget(digest=digest, free_at=moment, asked_at=moment) for digest in digests]
    Budget.objects.bulk_create(fresh, update_conflicts=True, update_fields=["asked_at"], unique_fields=["digest"])
    return Budget.objects.in_bulk(digests)


def give_back(charges: Iterable[Charge]) -> None:
    """It was no guess."""
    for charge in charges:
        Budget.objects.filter(pk=charge.digest).update(free_at=F("free_at") - charge.price)


def remove_unused() -> int:
    """Budgets of which nothing is used any more are as good as none."""
    return Budget.objects.filter(free_at__lt=now()).delete()[0]


def refuse(response: HttpResponse, wait: int) -> HttpResponse:
    response.status_code = 429
    response.headers["Retry-After"] = str(wait)
    return response


def refusal(wait: int) -> str:
    """What somebody reads who has to wait."""
    if wait <= 90:
        said = ngettext(
            "Too many tries. Please wait {count} second.", "Too many tries. Please wait {count} seconds.", wait
        )
        return said.format(count=wait)
    minutes = ceil(wait / 60)
    said = ngettext(
        "Too many tries. Please wait {count} minute.", "Too many tries. Please wait {count} minutes.", minutes
    )
    return said.format(count=minutes)


# Whose try it is.


def normal(name: str) -> str:
    """As Django's forms read a name. Not without case: "Ada" may be another account than "ada"."""
    return unicodedata.normalize("NFKC", name).strip()


def address_of(request: HttpRequest) -> str:
    """Where the request comes from; of IPv6 the /64, since whoever has one address there has all of them.

    Behind a proxy it is what that proxy has written last: what stands before it, a client may have sent.
    """
    told = request.META.get("REMOTE_ADDR") or ""
    if settings.HTTPS:
        told = request.headers.get("X-Forwarded-For", told).rpartition(",")[2]
    try:
        address = ip_address(without_port(told.strip()))
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), 64), strict=False))
    return str(address)


def without_port(told: str) -> str:
    """Some proxies write 192.0.2.1:50000 and [2001:db8::1]:50000."""
    if told.startswith("["):
        return told[1:].partition("]")[0]
    return told.partition(":")[0] if told.count(":") == 1 else told


# Browsers that are known.


def known_accounts(request: HttpRequest) -> dict[str, str]:
    """For which names this browser is known, and by what."""
    try:
        known = signing.loads(
            request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, ""), salt=SALT, max_age=BROWSER_AGE
        )
    except BadSignature:
        return {}
    return dict(known)


def digest_of(name: str) -> str:
    return salted_hmac(f"{SALT}.name", normal(name), algorithm="sha256").hexdigest()[:32]


def remember_browser(request: HttpRequest, response: HttpResponse, name: str) -> None:
    """Its owner is in it: from now on it has a budget of its own for this name."""
    known = known_accounts(request)
    browser = known.pop(digest_of(name), "") or secrets.token_hex(16)
    latest = [*known.items(), (digest_of(name), browser)][-BROWSER_ACCOUNTS:]
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        signing.dumps(latest, salt=SALT),
        max_age=BROWSER_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
