"""Broadcasts in Django's administration: a list that leads to their own pages."""

import pytest
from django.contrib.auth.models import Permission

from notifications.broadcasting import broadcast
from notifications.jobs import run_job
from notifications.models import Broadcast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def allow(ada, client):
    """Give Ada these permissions, and sign her in."""

    def allow(*codenames: str):
        ada.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(ada)
        return client

    return allow


def test_staff_who_may_view_them_see_the_list_and_no_trials(ada, allow):
    said = broadcast("Maintenance", author=ada)
    Broadcast.send_trial(said.content, ada)
    page = allow("view_broadcast").get("/admin/notifications/broadcast/")
    assert page.content.decode().count("Maintenance") == 1
    assert "Ada Okafor" in page.content.decode()
    assert "/admin/notifications/broadcast/add/" not in page.content.decode()


def test_a_row_leads_to_the_page_of_the_broadcast(allow):
    said = broadcast("Maintenance")
    page = allow("view_broadcast").get(f"/admin/notifications/broadcast/{said.pk}/change/")
    assert (page.status_code, page["Location"]) == (302, f"/broadcasts/{said.pk}/")


def test_who_may_broadcast_adds_one_by_its_own_form(allow):
    client = allow("view_broadcast", "broadcast")
    assert "/admin/notifications/broadcast/add/" in client.get("/admin/notifications/broadcast/").content.decode()
    page = client.get("/admin/notifications/broadcast/add/")
    assert (page.status_code, page["Location"]) == (302, "/broadcasts/new/")


def test_staff_without_permission_see_nothing_of_them(allow):
    broadcast("Maintenance")
    assert allow().get("/admin/notifications/broadcast/").status_code == 403


def test_nothing_can_be_deleted_there(allow):
    said = broadcast("Maintenance")
    client = allow("view_broadcast", "broadcast", "delete_broadcast")
    assert client.post(f"/admin/notifications/broadcast/{said.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post("/admin/notifications/broadcast/", {"action": "delete_selected", "_selected_action": [said.pk]})
    assert Broadcast.objects.exists()


@pytest.mark.parametrize(("permission", "status"), [("watch_jobs", 200), ("view_job", 403)])
def test_the_list_of_jobs_is_for_those_who_may_watch_them(bo, allow, permission, status):
    with run_job(owner=bo, title="Counting") as job:
        pass
    client = allow(permission)
    page = client.get("/admin/notifications/job/")
    assert page.status_code == status
    if status == 200:
        assert "Counting" in page.content.decode()
        assert client.get(f"/admin/notifications/job/{job.id}/change/")["Location"] == f"/jobs/{job.id}/"
