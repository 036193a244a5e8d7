"""Guessing is slow, wherever it comes from; and nobody can keep somebody else out by it."""

import re
import threading
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts import limits
from accounts.models import Budget

pytestmark = pytest.mark.django_db

SIGN_IN, SIGN_UP, RESET = reverse("accounts:login"), reverse("accounts:signup"), reverse("accounts:password_reset")
TRIES = 3


@pytest.fixture(autouse=True)
def _few(settings):
    settings.SIGN_IN_TRIES = TRIES
    settings.SIGN_IN_TRIES_BY_ADDRESS = 8
    settings.SIGN_UPS_BY_ADDRESS = 4


@pytest.fixture
def clock(time_machine):
    """One that stands still until somebody moves it."""
    time_machine.move_to(datetime.now(UTC), tick=False)
    return time_machine


def sign_in(client: Client, name: str = "bo", password: str = "wrong", **headers: str):
    return client.post(SIGN_IN, {"username": name, "password": password}, **headers)


def is_in(client: Client) -> bool:
    return get_user(client).is_authenticated


def hammer(name: str = "bo", tries: int = TRIES) -> None:
    """Somebody else, elsewhere."""
    for n in range(tries):
        sign_in(Client(), name, REMOTE_ADDR=f"203.0.113.{n}")


def statuses(answers) -> list[int]:
    return [answer.status_code for answer in answers]


# Signing in.


def test_after_some_wrong_passwords_even_the_right_one_has_to_wait(client, bo):
    assert statuses(sign_in(client) for _ in range(TRIES)) == [200] * TRIES
    refused = sign_in(client, password="belfry-demo")
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= limits.QUARTER / TRIES
    assert "Too many tries. Please wait 5 minutes." in refused.content.decode()
    assert not is_in(client)


def test_the_refusal_is_the_form_again_with_the_name_and_without_the_password(client, bo):
    hammer()
    page = sign_in(client, password="a-secret-word").content.decode()
    assert 'value="bo"' in page
    assert "a-secret-word" not in page


def test_after_the_time_that_was_said_one_more_try_is_free(client, bo, clock):
    hammer()
    wait = int(sign_in(client)["Retry-After"])
    clock.shift(wait)
    assert statuses([sign_in(client), sign_in(client)]) == [200, 429]


def test_nobody_learns_from_it_whether_an_account_exists(client, bo):
    hammer("bo")
    hammer("nobody")
    there, missing = sign_in(client, "bo"), sign_in(client, "nobody")
    blanked = [re.sub(r'value="\w+"', "", answer.content.decode()) for answer in (there, missing)]
    assert statuses([there, missing]) == [429, 429]
    assert blanked[0] == blanked[1]


def test_a_name_that_is_written_otherwise_has_no_budget_of_its_own(client, bo):
    hammer("bo")
    assert statuses([sign_in(client, "ｂｏ"), sign_in(client, " bo ")]) == [429, 429]


def test_hammering_on_a_name_does_not_keep_its_owner_out_of_a_browser_that_is_known(client, bo):
    sign_in(client, password="belfry-demo")
    client.post(reverse("accounts:logout"))
    hammer(tries=20)
    assert sign_in(Client(), password="belfry-demo").status_code == 429
    assert sign_in(client, password="belfry-demo").status_code == 302


def test_hammering_from_the_same_address_does_not_either(client, bo):
    sign_in(client, password="belfry-demo")
    for n in range(20):
        sign_in(Client(), f"name-{n}")
    assert sign_in(Client(), "somebody").status_code == 429
    assert sign_in(client, password="belfry-demo").status_code == 302


def test_a_browser_that_is_known_cannot_guess_without_end_and_disturbs_no_other(client, bo):
    sign_in(client, password="belfry-demo")
    client.post(reverse("accounts:logout"))
    assert statuses(sign_in(client) for _ in range(TRIES + 1)) == [*[200] * TRIES, 429]
    assert sign_in(Client(), password="belfry-demo").status_code == 302


def test_a_browser_is_known_for_its_own_names_only(client, bo, chi):
    sign_in(client, "chi", "belfry-demo")
    client.post(reverse("accounts:logout"))
    hammer("bo")
    assert sign_in(client, "bo", "belfry-demo").status_code == 429


@pytest.mark.parametrize("forged", ["", "x", "bo:1:2", "W1siYm8iLCAieCJdXQ:1:x", "\x00", "é" * 5000])
def test_a_forged_cookie_makes_no_browser_known(client, bo, forged, settings):
    hammer()
    client.cookies[settings.KNOWN_BROWSER_COOKIE_NAME] = forged
    assert sign_in(client, password="belfry-demo").status_code == 429


def test_the_cookie_of_a_known_browser_is_for_the_server_only_and_names_nobody(client, bo, settings):
    settings.SESSION_COOKIE_SECURE = True
    cookie = sign_in(client, password="belfry-demo").cookies[settings.KNOWN_BROWSER_COOKIE_NAME]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
    assert limits.known_accounts(client.request().wsgi_request).keys() == {limits.digest_of("bo")}


def test_it_is_known_for_five_names_at_most_and_signing_in_again_gives_no_new_budget(client, settings):
    settings.SIGN_IN_TRIES = settings.SIGN_IN_TRIES_BY_ADDRESS = 100
    request = RequestFactory().get("/")
    for name in ("a", "b", "c", "d", "e", "f", "f"):
        before = limits.known_accounts(request)
        response = client.get("/livez")
        limits.remember_browser(request, response, name)
        request.COOKIES[settings.KNOWN_BROWSER_COOKIE_NAME] = response.cookies.popitem()[1].value
    assert [*before] == [limits.digest_of(name) for name in "bcdef"]
    assert limits.known_accounts(request) == before


def test_the_right_password_costs_nothing(bo):
    assert statuses(sign_in(Client(), password="belfry-demo") for _ in range(3 * TRIES)) == [302] * 3 * TRIES


def test_the_demos_buttons_go_on_working(settings, ada, bo, chi, dana):
    settings.DEMO = True
    people = [(name, Client()) for name in ("ada", "bo", "chi", "dana") * 5]
    assert statuses(sign_in(client, name, "belfry-demo") for name, client in people) == [302] * 20


def test_the_administration_lets_nobody_guess_beside_it(client, ada):
    door = client.get(reverse("admin:index"), follow=True)
    assert door.redirect_chain[-1][0].startswith(SIGN_IN)
    assert client.post(reverse("admin:login"), {"username": "ada", "password": "x"}).status_code == 405
    assert client.post(door.redirect_chain[-1][0], {"username": "ada", "password": "belfry-demo"}).url == "/admin/"


# Addresses.


def test_one_address_cannot_try_name_after_name(client):
    assert statuses(sign_in(client, f"name-{n}") for n in range(9)) == [*[200] * 8, 429]
    assert sign_in(client, "another", REMOTE_ADDR="203.0.113.1").status_code == 200


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1:50000", "192.0.2.1", True),
        ("[2001:db8::1]:443", "2001:db8::2", True),
        ("nonsense", "", True),
    ],
)
def test_an_address_is_one_of_ipv4_or_sixty_four_bits_of_ipv6(one, other, is_same):
    found = [limits.address_of(RequestFactory().get("/", REMOTE_ADDR=address)) for address in (one, other)]
    assert (found[0] == found[1]) is is_same


@pytest.mark.parametrize(
    ("is_behind_proxy", "told", "found"),
    [
        (True, "198.51.100.7", "198.51.100.7"),
        (True, "10.9.8.7, 198.51.100.7", "198.51.100.7"),
        (True, None, "127.0.0.1"),
        (False, "10.9.8.7", "127.0.0.1"),
    ],
)
def test_only_the_proxy_says_where_somebody_comes_from(settings, is_behind_proxy, told, found):
    settings.HTTPS = is_behind_proxy
    headers = {"X-Forwarded-For": told} if told else {}
    assert limits.address_of(RequestFactory().get("/", headers=headers)) == found


# Signing up, and passwords.


def test_one_address_makes_few_accounts_an_hour(client, django_user_model):
    words = {"password1": "a horse that is correct", "password2": "a horse that is correct"}
    answers = [Client().post(SIGN_UP, {"username": f"eve{n}", **words}) for n in range(5)]
    assert statuses(answers) == [302, 302, 302, 302, 429]
    assert "Too many tries" in answers[-1].content.decode()
    assert django_user_model.objects.count() == 4


def test_a_new_account_knows_its_browser(client, bo):
    words = {"password1": "a horse that is correct", "password2": "a horse that is correct"}
    client.post(SIGN_UP, {"username": "eve", **words})
    hammer("eve", 20)
    assert sign_in(client, "eve", words["password1"]).status_code == 302


def test_an_account_gets_three_mails_an_hour_and_an_unknown_one_the_same_answers(bo, mailoutbox):
    for email in ("bo@example.com", "nobody@example.com"):
        answers = [Client().post(RESET, {"email": email}, REMOTE_ADDR=f"203.0.113.{n}") for n in range(4)]
        assert statuses(answers) == [302, 302, 302, 429]
    assert len(mailoutbox) == limits.MAILS_PER_ACCOUNT


def test_one_address_has_few_mails_sent(client):
    answers = [client.post(RESET, {"email": f"{n}@example.com"}) for n in range(5)]
    assert statuses(answers) == [302, 302, 302, 302, 429]


def test_a_new_password_by_mail_lets_the_owner_in_while_others_hammer(client, bo, mailoutbox):
    hammer(tries=20)
    client.post(RESET, {"email": "bo@example.com"})
    form = client.get(re.search(r"https?://testserver(\S+)", mailoutbox[0].body)[1], follow=True)
    new = "a horse that is correct"
    client.post(form.request["PATH_INFO"], {"new_password1": new, "new_password2": new})
    assert sign_in(client, password=new).status_code == 302


def test_a_stolen_session_cannot_guess_the_password(client, bo):
    client.force_login(bo)
    words = {"old_password": "wrong", "new_password1": "a horse that is correct", "new_password2": "x"}
    answers = [client.post(reverse("accounts:password_change"), words) for _ in range(TRIES + 1)]
    assert statuses(answers) == [*[200] * TRIES, 429]


# Whatever happens at once, and what is left behind.


@pytest.mark.django_db(transaction=True)
def test_fifty_tries_at_once_are_no_more_than_as_many_in_a_row(bo):
    answers: list[int] = []
    gate = threading.Barrier(50)

    def attempt(n: int) -> None:
        try:
            gate.wait()
            answers.append(sign_in(Client(), REMOTE_ADDR=f"198.51.100.{n % 7}").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=[n]) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [*[200] * TRIES, *[429] * (50 - TRIES)]


def test_what_is_refused_costs_nobody_anything(client, bo, clock):
    hammer(tries=50)
    clock.shift(limits.QUARTER / TRIES + 1)
    assert sign_in(client, password="belfry-demo").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_the_tick_removes_budgets_of_which_nothing_is_used(bo, clock):
    hammer("nobody")
    call_command("tick", once=True)
    assert Budget.objects.count() > 0
    clock.shift(limits.QUARTER + 1)
    call_command("tick", once=True)
    assert Budget.objects.count() == 0


def test_neither_names_nor_addresses_are_kept(client):
    sign_in(client, "a password in the wrong field")
    kept = str(list(Budget.objects.values()))
    assert "password" not in kept
    assert "127.0.0.1" not in kept


def test_signing_in_asks_nothing_of_the_bus(client, bo, valkey):
    valkey.kill()
    assert sign_in(client).status_code == 200
    assert sign_in(client, password="belfry-demo").status_code == 302
