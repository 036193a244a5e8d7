"""The profile, and what it does to language and clock."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.template import Context, Template
from django.urls import reverse
from django.utils import timezone, translation

from accounts.middleware import ReaderMiddleware

pytestmark = pytest.mark.django_db

PROFILE = reverse("accounts:profile")


@pytest.fixture
def clock_of(rf):
    """What a page of this reader says about 12:00 UTC on a winter's day, and in which language."""

    def ask(user, **headers):
        def page(request):
            noon = Template("{{ noon|date:'H:i' }}").render(Context({"noon": datetime(2026, 1, 15, 12, tzinfo=UTC)}))
            return HttpResponse(f"{noon} {translation.get_language()}")

        request = rf.get("/", **headers)
        request.user = user
        return ReaderMiddleware(page)(request)

    return ask


def test_bo_changes_name_language_and_time_zone(client, bo):
    client.force_login(bo)
    given = {"display_name": "Bo the Great", "language": "de", "time_zone": "Europe/Stockholm"}
    assert client.post(PROFILE, given).url == PROFILE
    bo.refresh_from_db()
    assert (bo.get_full_name(), bo.language, bo.time_zone) == ("Bo the Great", "de", "Europe/Stockholm")


def test_everything_may_be_left_empty(client, bo):
    client.force_login(bo)
    client.post(PROFILE, {"display_name": "", "language": "", "time_zone": ""})
    bo.refresh_from_db()
    assert (bo.get_full_name(), bo.get_short_name(), bo.language, bo.time_zone) == ("bo", "bo", "", "")


@pytest.mark.parametrize(
    "wrong", [{"language": "tlh"}, {"time_zone": "Mars/Olympus"}, {"display_name": "x" * 101}, {"email": "nobody"}]
)
def test_what_is_not_known_is_refused(client, bo, wrong):
    client.force_login(bo)
    response = client.post(PROFILE, {"display_name": "Bo", **wrong})
    assert list(response.context["form"].errors) == [*wrong]
    assert client.get(PROFILE).context["form"].initial["display_name"] == "Bo Lindqvist"


def test_nobody_makes_themselves_staff(client, bo):
    client.force_login(bo)
    client.post(PROFILE, {"display_name": "Bo", "is_staff": "on", "is_superuser": "on", "username": "ada"})
    bo.refresh_from_db()
    assert (bo.is_staff, bo.is_superuser, bo.username) == (False, False, "bo")


def test_the_profile_asks_strangers_to_sign_in(client):
    assert client.get(PROFILE).url == f"{reverse('accounts:login')}?next={PROFILE}"


def test_the_profile_knows_get_and_post_only(client, bo):
    client.force_login(bo)
    assert client.delete(PROFILE).status_code == 405


def test_the_page_is_in_the_readers_language_and_direction(client, dana):
    client.force_login(dana)
    response = client.get(PROFILE)
    assert response.headers["Content-Language"] == "ar"
    assert 'dir="rtl"' in response.content.decode()


def test_a_reader_sees_their_own_clock_and_language(clock_of, dana):
    assert clock_of(dana).content == b"14:00 ar"


def test_a_stranger_gets_the_browsers_language_and_the_sites_clock(clock_of):
    response = clock_of(AnonymousUser(), HTTP_ACCEPT_LANGUAGE="de-AT,de;q=0.9")
    assert response.content == b"12:00 de"
    assert "Accept-Language" in response.headers["Vary"]


def test_a_reader_who_chose_no_language_gets_the_browsers(clock_of, bo):
    assert clock_of(bo, HTTP_ACCEPT_LANGUAGE="ar").content == b"12:00 ar"


def test_a_language_or_zone_that_is_gone_harms_nobody(clock_of, bo):
    bo.language, bo.time_zone = "tlh", "Mars/Olympus"
    assert clock_of(bo).content == b"12:00 en"


def test_one_readers_clock_does_not_stay_for_the_next(clock_of, dana):
    clock_of(dana)
    assert timezone.get_current_timezone_name() == "UTC"
    assert translation.get_language() == "en"


def test_the_model_refuses_an_unknown_zone(bo):
    bo.time_zone = "Mars/Olympus"
    with pytest.raises(ValidationError, match="Mars/Olympus"):
        bo.full_clean()


def test_staff_see_the_reading_fields_in_the_administration(admin_client, bo):
    page = admin_client.get(reverse("admin:accounts_user_change", args=[bo.pk]))
    assert {"display_name", "language", "time_zone"} <= set(page.context["adminform"].form.fields)
