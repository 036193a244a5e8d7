"""While the database is away, requests say so, and when to come back."""

from unittest.mock import patch

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("refused"), InterfaceError("closed")])
def test_without_the_database_a_page_says_come_back(bo, error):
    client = Client(raise_request_exception=False)
    client.force_login(bo)
    with patch("notifications.views.inbox.page_of", side_effect=error):
        answer = client.get("/inbox/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "What was saved is safe" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error", [ValueError("ours"), OperationalError("no such table: x"), OperationalError('near "x"')]
)
def test_what_is_our_fault_is_no_outage(bo, error):
    client = Client(raise_request_exception=False)
    client.force_login(bo)
    with patch("notifications.views.inbox.page_of", side_effect=error):
        assert client.get("/inbox/").status_code == 500
