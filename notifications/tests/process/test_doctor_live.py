"""`doctor --live` against a real server: the whole way, part by part, and one line for each way in which it fails."""

import socket
from io import StringIO

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from config.tests.site import free_port
from notifications.echo import send_echo
from notifications.management import live_findings as live
from notifications.models import Board, Notification
from notifications.tests.browser.conftest import BOARDS, Server

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("doctor")]

WAY = ["written", "stamped", "heard", "rendered", "returned", "sum"]


class Shy(Server):
    """It answers to the name of the site only."""

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(scope="module")
def servers(django_db_setup, valkey_server, tmp_path_factory):
    logs = tmp_path_factory.mktemp("doctor")
    kinds = {"serving": Server, "behind_proxy": Shy}
    made = {
        name: kind(logs / name, DJANGO_SETTINGS_MODULE=f"notifications.tests.process.{name}")
        for name, kind in kinds.items()
    }
    yield made
    for server in made.values():
        server.kill()


def started(server):
    Board.objects.update_or_create(pk=1, defaults={"epoch": "tests", "revision": next(BOARDS)})
    server.start()
    return server


@pytest.fixture
def server(servers, transactional_db):
    return started(servers["serving"])


def found(server, user):
    return {what: (is_well, said) for what, is_well, said in live.live_findings(server.url, user)}


def test_every_part_of_the_way_is_told(server, ada):
    findings = found(server, ada)
    assert list(findings) == WAY
    assert all(is_well for is_well, _ in findings.values()), findings
    assert findings["sum"][1].endswith("ms for the whole way of an echo to ada and back.")


def test_nothing_of_it_is_left(server, ada):
    assert list(found(server, ada)) == WAY
    assert Notification.objects.get().retracted_at
    assert not Session.objects.exists()


def test_behind_a_proxy_the_server_is_asked_as_the_proxy_asks_it(servers, transactional_db, ada, settings):
    settings.ALLOWED_HOSTS = [".belfry.example.com"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert list(found(started(servers["behind_proxy"]), ada)) == WAY


def test_with_a_dead_bus_the_sweep_is_named(server, ada, valkey):
    valkey.kill()
    findings = found(server, ada)
    assert list(findings) == WAY
    assert [what for what, (is_well, _) in findings.items() if not is_well] == ["heard"]
    assert "the sweep found it: the bus did not bring it" in findings["heard"][1]


def only_line(findings):
    assert list(findings) == ["live"], findings
    is_well, said = findings["live"]
    assert not is_well
    assert "\n" not in said
    return said


def test_a_site_that_does_not_answer(ada, transactional_db, tmp_path):
    nowhere = Server(tmp_path / "log")
    assert "does not answer" in only_line(found(nowhere, ada))
    assert not Session.objects.exists()


def test_an_origin_that_is_refused(server, ada, settings):
    settings.ALLOWED_HOSTS = ["elsewhere.example.com"]
    said = only_line(found(server, ada))
    assert "refused (403) to a page of http://elsewhere.example.com" in said


def test_a_session_that_the_site_does_not_know(server, ada, settings):
    settings.SECRET_KEY = "the key of another site, with which its sessions are signed"
    assert "takes this session for signed out" in only_line(found(server, ada))


def test_an_echo_that_does_not_come(server, ada, valkey, monkeypatch):
    monkeypatch.setattr(live, "PATIENCE", 0.2)
    valkey.kill()
    assert "No echo came within" in only_line(found(server, ada))
    assert Notification.objects.get().retracted_at


def test_an_echo_that_is_under_way_already(server, ada):
    send_echo(ada)
    assert "An echo of ada has just been sent" in only_line(found(server, ada))


def test_an_address_that_is_none(ada):
    for site in ("belfry.example.com", "ftp://127.0.0.1", "http://127.0.0.1:x"):
        assert "--url is the address of a site" in only_line(dict_of(live.live_findings(site, ada)))


def dict_of(findings):
    return {what: (is_well, said) for what, is_well, said in findings}


def test_the_command_prints_its_lines_after_the_others_and_fails_where_it_does_not_come_round(server, ada, monkeypatch):
    out = StringIO()
    with pytest.raises(CommandError, match=r"Not well: worker, tick\.$"):
        call_command("doctor", live=True, user="ada", url=server.url, stdout=out, no_color=True)
    assert [line.split()[1] for line in out.getvalue().splitlines()][-len(WAY) :] == WAY
    with pytest.raises(CommandError, match=r"Not well: worker, tick, live\.$"):
        call_command("doctor", live=True, url=f"http://127.0.0.1:{free_port()}", stdout=out)


def test_it_is_of_the_first_superuser_else_of_the_staff_else_of_nobody(bo, django_user_model):
    with pytest.raises(CommandError, match="There is nobody of the staff"):
        live.reader_named("")
    staff, root = (django_user_model.objects.create_user(name, is_staff=True) for name in ("eve", "root"))
    assert live.reader_named("") == staff
    django_user_model.objects.filter(pk=root.pk).update(is_superuser=True)
    assert live.reader_named("") == root
    assert live.reader_named("bo") == bo
    with pytest.raises(CommandError, match="There is no active user 'nobody'"):
        live.reader_named("nobody")
