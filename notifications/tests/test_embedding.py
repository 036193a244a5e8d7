"""Belfry in somebody else's project: no accounts of ours, no administration, a transaction around each request."""

from unittest.mock import Mock

import pytest
from celery import current_app
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.auth.views import LoginView
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import AsyncClient
from django.urls import include, path
from kombu.exceptions import OperationalError

from notifications.delivery import notify
from notifications.live import codes, origin
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


def test_the_menu_of_staff_who_may_look_has_no_story_where_there_is_no_administration(ada, client):
    ada.user_permissions.add(Permission.objects.get(codename="view_notification"))
    notify(ada, title="One", key="one")
    client.force_login(ada)
    menu = client.get("/inbox/one/more/", headers={"HX-Request": "true"})
    assert menu.status_code == 200
    assert "story" not in menu.content.decode()


@pytest.mark.usefixtures("live")
async def test_a_page_that_is_signed_out_is_led_to_their_own_door():
    page = LivePage(None, client=AsyncClient())
    page.document = Document("<main></main>")
    await page.connect(form={})
    assert await page.until_closed() == codes.SIGNED_OUT
    assert 'href="/door/"' in page.frames[0]


def handshake(host: str) -> dict[str, object]:
    headers = [(b"host", host.encode()), (b"origin", f"http://{host}".encode())]
    return {"type": "websocket", "scheme": "ws", "headers": headers}


def test_in_development_this_machine_may_open_sockets_without_being_listed(settings):
    settings.ALLOWED_HOSTS, settings.DEBUG = [], True
    assert origin.is_allowed(handshake("localhost:8000"))
    assert not origin.is_allowed(handshake("elsewhere.example"))
    settings.DEBUG = False
    assert not origin.is_allowed(handshake("localhost:8000"))


def test_an_item_can_be_opened_where_each_request_is_a_transaction(client, bo, monkeypatch):
    notify(bo, title="Menu", url="/menu/", key="menu")
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    client.force_login(bo)
    assert client.get("/inbox/menu/").url == "/menu/"
    assert Inbox.objects.of(bo).unread_count == 0


def test_the_doctor_looks_at_everything_although_the_broker_is_elsewhere(monkeypatch, capsys):
    monkeypatch.setattr(current_app.control, "ping", Mock(side_effect=OperationalError("refused")))
    with pytest.raises(CommandError, match="worker"):
        call_command("doctor")
    assert "The broker does not answer (refused)" in capsys.readouterr().out
