"""docs/security.md says what is so: headers, cookies and limits as they really are."""

import ast
import re

import pytest
from django.conf import settings
from django.test import Client

from celery_app import app
from config.tests.test_addresses import TABLE
from notifications.tests.samples import ROOT, names, table

pytestmark = pytest.mark.django_db

PAGE = "docs/security.md"
NO_LIMITS = {"notifications.live.positions.LARGEST", "notifications.forms.LONGEST_ID"}  # what a database can hold
OF_THE_GUIDE = ("notifications.models.draft.", "notifications.models.broadcast_event.", "notifications.verbs.")


def said(heading: str) -> dict[str, list[str]]:
    return {names(cells[0])[0]: names(cells[-1]) for cells in table(PAGE, heading)}


def test_the_headers_of_a_page_are_those_that_are_documented(client, bo):
    client.force_login(bo)
    for path in ("/inbox/", "/jobs/", "/accounts/profile/", "/accounts/password/", "/accounts/password/reset/"):
        answer = client.get(path, follow=True)
        for name, (value, *_only) in said("## Headers").items():
            if name == "Content-Security-Policy":
                assert "; ".join(sorted(answer[name].split("; "))) == value
            elif name != "Strict-Transport-Security":
                assert answer[name] == value, name


def test_hsts_is_as_documented(client, settings):
    settings.SECURE_HSTS_SECONDS = 365 * 24 * 3600
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    [value, _https] = said("## Headers")["Strict-Transport-Security"]
    assert Client().get("/accounts/login/", secure=True)["Strict-Transport-Security"] == value


def test_the_cookies_are_those_that_are_documented(client, bo):
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"username": "bo", "password": "belfry-demo"})
    client.post("/accounts/profile/", {"display_name": "Bo"})
    found = {}
    for name, cookie in client.cookies.items():
        flags = ["HttpOnly"] if cookie["httponly"] else []
        found[name] = ["; ".join([*flags, f"SameSite={cookie['samesite']}"])]
    assert found == said("## Cookies")


def test_every_limit_in_the_code_is_documented():
    documented = {names(cells[0])[0] for cells in table("docs/operating.md", "## Limits and sizes")}
    found = {name for name in limits_in_code() if not name.startswith(OF_THE_GUIDE)} - NO_LIMITS
    assert len(found) > 30
    assert found - documented == set()


def limits_in_code() -> set[str]:
    found = set()
    for part in ("accounts", "config", "notifications"):
        for file in (ROOT / part).rglob("*.py"):
            if {"tests", "migrations"} & set(file.parts) or file.name == "settings.py":
                continue
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.BinOp):
                    found |= {f"{module}.{one.id}" for one in node.targets if isinstance(one, ast.Name)}
    return {
        name for name in found if re.search(r"\.[A-Z_]*?(\b|_)(LIMIT|LARGEST\w*|LONGEST_ID|PER_\w+|AT_ONCE)$", name)
    }


def test_forms_have_the_limits_that_are_documented():
    assert (settings.DATA_UPLOAD_MAX_NUMBER_FIELDS, settings.DATA_UPLOAD_MAX_MEMORY_SIZE) == (1000, 2_621_440)


def test_tasks_are_read_from_json_only():
    assert list(app.conf.accept_content) == ["json"]
    assert app.conf.task_serializer == "json"


def test_what_needs_no_token_is_what_the_page_says():
    assert any("csp_reports" in names for _get, _post, names in TABLE)
    assert "The one exception is `/csp-reports/`" in (ROOT / PAGE).read_text()
