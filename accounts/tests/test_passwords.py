"""Changing and resetting a password."""

import re

import pytest
from django.contrib.auth import get_user
from django.urls import reverse

pytestmark = pytest.mark.django_db

CHANGE = reverse("accounts:password_change")
RESET = reverse("accounts:password_reset")
NEW = "a horse that is correct"


def link_in(mail) -> str:
    return re.search(r"https?://testserver(\S+)", mail.body)[1]


def test_bo_changes_the_password_and_stays_signed_in(client, bo):
    client.force_login(bo)
    response = client.post(CHANGE, {"old_password": "belfry-demo", "new_password1": NEW, "new_password2": NEW})
    assert response.url == reverse("accounts:profile")
    assert get_user(client).check_password(NEW)


def test_changing_the_password_ends_the_other_sessions(client, bo):
    client.force_login(bo)
    elsewhere = type(client)()
    elsewhere.force_login(bo)
    client.post(CHANGE, {"old_password": "belfry-demo", "new_password1": NEW, "new_password2": NEW})
    assert not get_user(elsewhere).is_authenticated


def test_changing_the_password_asks_for_the_old_one(client, bo):
    client.force_login(bo)
    response = client.post(CHANGE, {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW})
    assert list(response.context["form"].errors) == ["old_password"]
    bo.refresh_from_db()
    assert bo.check_password("belfry-demo")


def test_a_stranger_cannot_change_a_password(client):
    assert client.get(CHANGE).url.startswith(reverse("accounts:login"))


def test_a_forgotten_password_is_reset_by_mail(client, bo, mailoutbox):
    assert client.post(RESET, {"email": "bo@example.com"}).url == reverse("accounts:password_reset_done")
    [mail] = mailoutbox
    assert mail.to == ["bo@example.com"]
    form = client.get(link_in(mail), follow=True)
    done = client.post(form.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW})
    assert done.url == reverse("accounts:password_reset_complete")
    bo.refresh_from_db()
    assert bo.check_password(NEW)


def test_a_reset_link_works_once(client, bo, mailoutbox):
    client.post(RESET, {"email": "bo@example.com"})
    link = link_in(mailoutbox[0])
    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW})
    assert client.get(link).context["validlink"] is False


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client, bo, mailoutbox):
    assert client.post(RESET, {"email": "nobody@example.com"}).url == reverse("accounts:password_reset_done")
    assert mailoutbox == []


def test_the_pages_around_a_reset_render(client, bo):
    for name in ("password_reset", "password_reset_done", "password_reset_complete"):
        assert client.get(reverse(f"accounts:{name}")).status_code == 200
    client.force_login(bo)
    assert client.get(CHANGE).status_code == 200
