"""The settings: what a start needs, and the one line that a wrong value ends it with."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.environment import broker_url, build_id, socket_path

KEY = "k" * 50
PRODUCTION = {"SECRET_KEY": KEY, "ALLOWED_HOSTS": "belfry.example"}


@pytest.fixture
def read_settings(monkeypatch, tmp_path):
    """The settings in an environment that has only these variables of ours."""

    def read(**environment: str) -> dict:
        for name in ["DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS", "DATABASE_URL", "REDIS_URL", "PORT"]:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(settings.BASE_DIR / "config" / "settings.py"))

    return read


@pytest.mark.parametrize("missing", PRODUCTION)
def test_production_refuses_to_start_without(read_settings, missing):
    with pytest.raises(SystemExit, match=f"^Belfry cannot start: {missing} is not set"):
        read_settings(**{**PRODUCTION, missing: ""})


def test_debug_needs_nothing_and_is_off_unless_asked_for(read_settings):
    assert read_settings(DEBUG="1")["DEMO"] is True
    assert read_settings(**PRODUCTION)["DEBUG"] is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "perhaps"),
        ("HTTPS", "perhaps"),
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("SECRET_KEY", "short"),
        ("CSRF_TRUSTED_ORIGINS", "belfry.example"),
        ("VAR_DIR", "/dev/null/var"),
        ("DATABASE_URL", "belfry"),
        ("DATABASE_URL", "mysql://localhost/belfry"),
        ("DATABASE_URL", "postgres://localhost:port/belfry"),
        ("DATABASE_URL", "sqlite://"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://localhost:port"),
        ("REDIS_URL", "unix://"),
        ("EMAIL_URL", "mail.example"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("LOG_LEVEL", "chatty"),
    ],
)
def test_a_wrong_value_ends_the_start_with_one_line_that_names_it(read_settings, name, value):
    with pytest.raises(SystemExit) as end:
        read_settings(**{**PRODUCTION, name: value})
    line = end.value.code
    assert line.startswith(f"Belfry cannot start: {name} is ")
    assert "\n" not in line


def test_the_one_line_is_all_that_a_command_prints():
    result = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "PORT": "eighty"},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = "Belfry cannot start: PORT is wrong: expected a number from 1 to 65535, got 'eighty'.\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", expected)


@pytest.mark.process
def test_production_passes_djangos_own_review():
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            **PRODUCTION,
            "SECRET_KEY": "0123456789 abcdefghijklmnopqrstuvwxyz !$%&/()=? 9876543210",
            "HTTPS": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_https_is_the_rule_in_production_and_can_be_switched_off_to_try_it(read_settings):
    assert read_settings(**PRODUCTION)["SESSION_COOKIE_SECURE"] is True
    assert "SECURE_SSL_REDIRECT" not in read_settings(**PRODUCTION, HTTPS="0")
    assert "SECURE_SSL_REDIRECT" not in read_settings(DEBUG="1")


def test_nothing_inline_and_nothing_foreign_may_run(client, db):
    policy = client.get("/accounts/login/").headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives.pop("default-src") == directives.pop("base-uri") == directives.pop("frame-ancestors") == "'none'"
    assert directives.pop("report-uri") == "/csp-reports/"
    assert set(directives.values()) == {"'self'"}
    assert {"script-src", "style-src", "connect-src", "form-action"} <= set(directives)


def test_two_demos_on_one_host_do_not_sign_each_other_out(read_settings):
    first, second = (read_settings(DEBUG="1", PORT=port) for port in ("8000", "8100"))
    assert first["SESSION_COOKIE_NAME"] != second["SESSION_COOKIE_NAME"]
    assert first["KNOWN_BROWSER_COOKIE_NAME"] != second["KNOWN_BROWSER_COOKIE_NAME"]
    assert first["CSRF_COOKIE_NAME"] != second["CSRF_COOKIE_NAME"]


def test_sqlite_writes_immediately_and_postgresql_has_a_pool(read_settings):
    sqlite = read_settings(DEBUG="1")["DATABASES"]["default"]
    assert sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    postgresql = read_settings(DEBUG="1", DATABASE_URL="postgres://u:p@localhost/belfry")["DATABASES"]["default"]
    assert (postgresql["OPTIONS"]["pool"]["max_size"], postgresql["CONN_MAX_AGE"]) == (20, 0)


def test_a_redis_that_was_given_is_both_bus_and_broker(read_settings):
    read = read_settings(DEBUG="1", REDIS_URL="redis://redis.example:6380/2")
    assert read["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"][0]["address"] == "redis://redis.example:6380/2"
    assert read["CELERY_BROKER_URL"] == "redis://redis.example:6380/2"


def test_celery_spells_a_socket_in_its_own_way():
    assert broker_url("unix:///var/valkey.sock?db=1") == "redis+socket:///var/valkey.sock?virtual_host=1"


def test_a_directory_may_have_any_name(read_settings, tmp_path):
    odd = tmp_path / "ein Ort? 100 % #1 für uns"
    read = read_settings(DEBUG="1", VAR_DIR=str(odd))
    assert read["DATABASES"]["default"]["NAME"] == str(odd / "belfry.sqlite3")
    assert " " not in str(read["VALKEY_SOCKET"])


def test_the_socket_moves_where_a_path_would_be_too_long():
    assert socket_path(Path("/srv/belfry")) == Path("/srv/belfry/valkey.sock")
    far = socket_path(Path("/srv") / ("x" * 100))
    assert len(bytes(far)) < 100
    assert far == socket_path(Path("/srv") / ("x" * 100)) != socket_path(Path("/srv") / ("y" * 100))


def test_a_build_is_known_by_what_pages_are_made_of(tmp_path):
    page = tmp_path / "templates" / "page.html"
    page.parent.mkdir()
    page.write_text("one")
    before = build_id(tmp_path / "templates")
    assert build_id(tmp_path / "templates") == before
    page.write_text("two")
    assert build_id(tmp_path / "templates") != before


def test_the_address_without_a_path_leads_to_the_inbox(client):
    assert client.get("/").url == "/inbox/"
