"""Signing up, in and out."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications.events import tidying_due

pytestmark = pytest.mark.django_db

SIGN_UP = reverse("accounts:signup")
LOG_IN = reverse("accounts:login")
LOG_OUT = reverse("accounts:logout")
INBOX = reverse("notifications:inbox")


def sign_up(client: Client, **other: str):
    password = "a horse that is correct"
    return client.post(SIGN_UP, {"username": "eve", "password1": password, "password2": password, **other})


def test_a_new_account_is_signed_in_and_sent_to_its_inbox(client):
    assert sign_up(client, email="eve@example.com").url == INBOX
    assert get_user(client).username == "eve"
    assert get_user(client).email == "eve@example.com"


def test_a_new_account_keeps_the_browsers_time_zone_and_the_chosen_language(client):
    sign_up(client, time_zone="Asia/Beirut", language="ar")
    assert (get_user(client).time_zone, get_user(client).language) == ("Asia/Beirut", "ar")


@pytest.mark.parametrize("guess", ["", "Mars/Olympus", "../../etc/passwd", "x" * 500])
def test_a_time_zone_that_does_not_exist_is_ignored(client, guess):
    assert sign_up(client, time_zone=guess).status_code == 302
    assert get_user(client).time_zone == ""


@pytest.mark.parametrize(
    "wrong",
    [{"username": "bo"}, {"username": "a b"}, {"password2": "another"}, {"language": "tlh"}, {"email": "nobody"}],
)
def test_a_sign_up_with_a_mistake_makes_no_account(client, bo, wrong):
    response = sign_up(client, **wrong)
    assert list(response.context["form"].errors) == [*wrong]
    assert get_user_model().objects.count() == 1


def test_signing_up_while_signed_in_leads_to_the_inbox(client, bo):
    client.force_login(bo)
    assert client.get(SIGN_UP).url == INBOX
    assert sign_up(client).url == INBOX
    assert get_user_model().objects.count() == 1


def test_bo_signs_in(client, bo):
    assert client.post(LOG_IN, {"username": "bo", "password": "belfry-demo"}).url == INBOX
    assert get_user(client) == bo


def test_signing_in_leads_back_to_where_bo_wanted_to_go(client, bo):
    asked = client.get(f"{INBOX}?view=unread")
    assert asked.url.startswith(LOG_IN)
    assert client.post(asked.url, {"username": "bo", "password": "belfry-demo"}).url == f"{INBOX}?view=unread"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_site(client, bo, elsewhere):
    response = client.post(LOG_IN, {"username": "bo", "password": "belfry-demo", "next": elsewhere})
    assert response.url == INBOX


def test_a_wrong_password_and_an_unknown_user_look_the_same(client, bo):
    wrong = client.post(LOG_IN, {"username": "bo", "password": "wrong"})
    unknown = client.post(LOG_IN, {"username": "nobody", "password": "wrong"})
    assert wrong.context["form"].errors == unknown.context["form"].errors != {}
    assert not get_user(client).is_authenticated


def test_a_deactivated_account_cannot_sign_in(client, bo):
    bo.is_active = False
    bo.save()
    client.post(LOG_IN, {"username": "bo", "password": "belfry-demo"})
    assert not get_user(client).is_authenticated


def test_signing_in_gives_the_session_a_new_key(client, bo):
    client.get(LOG_IN)
    client.session["visitor"] = True
    client.session.save()
    before = client.session.session_key
    client.post(LOG_IN, {"username": "bo", "password": "belfry-demo"})
    assert client.session.session_key != before


def test_the_demos_cast_is_offered_only_in_a_demo(client, settings):
    assert "belfry-demo" not in client.get(LOG_IN).content.decode()
    settings.DEMO = True
    page = client.get(LOG_IN).content.decode()
    assert page.count("belfry-demo") == 4
    assert all(f'value="{name}"' in page for name in ("ada", "bo", "chi", "dana"))


def test_bo_signs_out_and_can_do_it_twice(client, bo):
    client.force_login(bo)
    assert client.post(LOG_OUT).url == LOG_IN
    assert not get_user(client).is_authenticated
    assert client.post(LOG_OUT).url == LOG_IN


def test_signing_out_refuses_get(client, bo):
    client.force_login(bo)
    assert client.get(LOG_OUT).status_code == 405
    assert get_user(client) == bo


def test_acts_without_a_token_are_refused(bo):
    client = Client(enforce_csrf_checks=True)
    client.force_login(bo)
    assert client.post(LOG_OUT).status_code == 403
    assert get_user(client) == bo


def test_who_is_in_and_is_led_back_to_the_sign_in_comes_to_the_inbox(client, bo):
    client.force_login(bo)
    answer = client.get("/accounts/login/", {"next": "/accounts/login/"})
    assert (answer.status_code, answer["Location"]) == (302, "/inbox/")


def test_expired_sessions_are_tidied_away_and_others_stay(bo):
    for age in (-1, 1):
        session = SessionStore()
        session.set_expiry(timezone.now() + timedelta(days=age))
        session.save()
    tidying_due.send(sender=None)
    assert [row.expire_date > timezone.now() for row in Session.objects.all()] == [True]
