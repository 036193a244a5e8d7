"""`manage.py up` with real processes: it gets ready, brings back what dies, leaves nobody behind, fails in one line."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
import redis
from django.conf import settings

from config.tests.site import Site, environment, eventually, free_port

pytestmark = pytest.mark.process

CHILDREN = {"valkey": "valkey-server", "serve": "manage.py serve", "worker": "celery", "tick": "manage.py tick"}


def test_a_site_gets_ready_and_says_how_to_ring_the_bell(tmp_path):
    with Site(tmp_path) as site:
        eventually(lambda: "Ctrl-C stops everything." in site.output, "the welcome")
        assert f"http://localhost:{site.port}/" in site.output
        assert f"PORT={site.port} VAR_DIR={tmp_path} " in site.output
        assert "manage.py notify bo" in site.output
        assert "belfry-demo" in site.get("/accounts/login/")[1]
        assert all(site.child(word) for word in CHILDREN.values())


def test_two_sites_run_beside_each_other(tmp_path):
    with Site(tmp_path / "first") as first, Site(tmp_path / "the second one, of 2") as second:
        assert first.is_ready()
        assert second.is_ready()
        assert json.loads(second.get("/readyz")[1])["bus"] == "up"


def test_whatever_is_killed_comes_back(tmp_path):
    with Site(tmp_path) as site:
        eventually(lambda: "Ctrl-C stops everything." in site.output, "the welcome")
        killed = {name: site.child(word) for name, word in CHILDREN.items()}
        for child in killed.values():
            child.kill()
        for name, word in CHILDREN.items():
            eventually(lambda w=word, n=name: site.child(w) not in (None, killed[n]), f"{name} is back", 20)
            assert f"{name} ended with SIGKILL; it is back in 1 s." in site.output
        eventually(site.is_ready, "ready again", 20)
        bus = redis.Redis(unix_socket_path=str(tmp_path / "valkey.sock"))
        eventually(lambda: answers(bus), "the bus answers again", 20)


def answers(bus: redis.Redis) -> bool:
    try:
        return bus.ping()
    except redis.RedisError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_takes_everybody_down_with_itself(tmp_path, number):
    with Site(tmp_path) as site:
        eventually(lambda: len(site.process.children()) == 4, "four children")
        assert site.end(number) == 0
        assert site.has_left_nobody()
        eventually(lambda: site.lines[-1] == "Belfry has stopped.", "the goodbye")


def test_ctrl_c_in_a_terminal_reaches_the_supervisor_only(tmp_path):
    with Site(tmp_path) as site:
        eventually(lambda: len(site.process.children()) == 4, "four children")
        sessions = {os.getsid(process.pid) for process in site.process.children()}
        assert os.getsid(site.process.pid) not in sessions
        assert len(sessions) == 4


if sys.platform == "linux":  # elsewhere the kernel does not tell children of their parent's death

    def test_even_a_killed_supervisor_leaves_nobody(tmp_path):
        with Site(tmp_path) as site:
            eventually(lambda: len(site.process.children()) == 4, "four children")
            assert site.end(signal.SIGKILL) == -signal.SIGKILL
            eventually(site.has_left_nobody, "all children gone")


def failed_start(tmp_path, **other: str) -> str:
    """The only line that a start prints that cannot succeed."""
    result = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=settings.BASE_DIR,
        env=environment(tmp_path, **{"PORT": str(free_port()), **other}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Belfry cannot start: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"PORT {port} " in failed_start(tmp_path, PORT=str(port))


def test_a_directory_in_which_a_site_runs_is_said_in_one_line(tmp_path):
    with Site(tmp_path) as site:
        assert "VAR_DIR " in failed_start(tmp_path)
        assert site.is_ready()


@pytest.mark.parametrize(
    "url", ["postgres//nonsense", "postgres://bo@127.0.0.1:{port}/belfry", "sqlite:////dev/null/belfry"]
)
def test_a_wrong_database_is_said_in_one_line(tmp_path, url):
    assert "DATABASE_URL is wrong" in failed_start(tmp_path, DATABASE_URL=url.format(port=free_port()))


@pytest.mark.parametrize("url", ["nonsense", "redis://127.0.0.1:{port}/0", "unix:///nowhere/redis.sock"])
def test_a_dead_redis_is_said_in_one_line(tmp_path, url):
    assert "REDIS_URL is wrong" in failed_start(tmp_path, REDIS_URL=url.format(port=free_port()))


def test_a_directory_that_cannot_be_used_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    assert "VAR_DIR is wrong" in failed_start(tmp_path / "file")
