"""What load balancers and operators ask."""

from unittest.mock import Mock

import pytest
from django.db import OperationalError

from notifications.views import health

pytestmark = pytest.mark.django_db


def test_a_process_that_answers_is_alive(client):
    assert client.get("/livez").json() == {"alive": True}


def test_a_site_with_database_and_bus_is_ready(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert (answer.json()["database"], answer.json()["bus"]) == ("up", "up")


def test_a_site_without_its_bus_is_ready_and_says_so(client, valkey):
    valkey.kill()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["bus"]) == (200, "down")


def test_a_site_whose_bus_is_frozen_says_so_too(client, valkey):
    valkey.freeze()
    assert client.get("/readyz").json()["bus"] == "down"


def test_a_site_without_its_tables_is_not_ready(client, monkeypatch):
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: ["0003"])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "not migrated")


def test_a_site_without_its_database_is_alive_but_not_ready(client, monkeypatch):
    monkeypatch.setattr(health, "MigrationExecutor", Mock(side_effect=OperationalError("gone")))
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "down")


def test_metrics_are_for_the_loopback_only(client):
    assert b"belfry_sockets" in client.get("/metrics").content
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 404


def test_metrics_are_for_bearers_of_the_token(client, settings):
    settings.METRICS_TOKEN = "open sesame"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer open sesame"}).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_they_are_only_asked(client, path):
    assert client.post(path).status_code == 405
