"""How many files a server may open: as many as its sockets need, or fewer sockets."""

import resource

import pytest

from notifications.live.connections import WAITING_LIMIT
from notifications.management.commands import serve

OTHERS = WAITING_LIMIT + serve.OTHER_FILES


@pytest.fixture
def limit(monkeypatch):
    """``limit(soft, hard)``; what was set is in the list that it returns."""

    def begin(soft, hard):
        was_set = []
        monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda which, limits: was_set.append(limits))
        return was_set

    return begin


def test_a_small_soft_limit_is_raised_as_far_as_it_is_needed(limit, settings):
    settings.MAX_SOCKETS = 5_000
    was_set = limit(1024, 1_000_000)
    serve.allow_open_files()
    assert was_set == [(5_000 + OTHERS, 1_000_000)]
    assert settings.MAX_SOCKETS == 5_000


def test_a_limit_that_suffices_is_left_alone(limit, settings):
    settings.MAX_SOCKETS = 5_000
    was_set = limit(resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    serve.allow_open_files()
    assert (was_set, settings.MAX_SOCKETS) == ([], 5_000)


@pytest.mark.parametrize(("sockets", "hard"), [(100, 1024), (1_000, 2048)])
def test_a_small_hard_limit_never_means_more_sockets_than_were_asked_for(limit, settings, sockets, hard):
    settings.MAX_SOCKETS = sockets
    limit(1024, hard)
    serve.allow_open_files()
    assert sockets == settings.MAX_SOCKETS


def test_a_small_hard_limit_means_fewer_sockets_and_a_line_that_says_so(limit, settings, caplog):
    settings.MAX_SOCKETS = 10_000
    limit(1024, 4096)
    serve.allow_open_files()
    assert settings.MAX_SOCKETS == 4096 // 2
    assert "4096 files: 2048 sockets, not MAX_SOCKETS=10000" in caplog.text
