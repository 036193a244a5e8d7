"""Belfry in somebody else's project: no accounts of ours and no administration."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.views import LoginView
from django.test import AsyncClient
from django.urls import include, path

from notifications.live import codes
from notifications.models import Inbox
from notifications.testing import LivePage
from notifications.testing.dom import Document

pytestmark = pytest.mark.django_db(transaction=True)

urlpatterns = [
    path("", include("notifications.urls")),
    path("door/", LoginView.as_view(), name="door"),
]


@pytest.fixture(autouse=True)
def _their_site(settings):
    settings.ROOT_URLCONF = __name__
    settings.LOGIN_URL = "door"


def test_an_account_can_be_made_where_there_is_no_administration(ada):
    get_user_model().objects.create_user("bo")
    assert [told.url for told in Inbox.objects.of(ada).notifications.all()] == [""]


@pytest.mark.usefixtures("live")
async def test_a_page_that_is_signed_out_is_led_to_their_own_door():
    page = LivePage(None, client=AsyncClient())
    page.document = Document("<main></main>")
    await page.connect(form={})
    assert await page.until_closed() == codes.SIGNED_OUT
    assert 'href="/door/"' in page.frames[0]
