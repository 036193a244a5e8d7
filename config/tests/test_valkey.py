"""The embedded Valkey: what the broker holds outlives it, and the fixture's verbs do what they say."""

import pytest
import redis


def test_what_is_queued_survives_a_kill(valkey):
    valkey.client.rpush("queue", "a task")
    valkey.kill()
    with pytest.raises(redis.ConnectionError):
        valkey.client.ping()
    valkey.start()
    assert valkey.client.lrange("queue", 0, -1) == [b"a task"]
    valkey.client.delete("queue")


def test_it_listens_on_its_socket_only(valkey):
    assert valkey.client.config_get("port") == {"port": "0"}


def test_a_frozen_one_is_silent_until_it_thaws(valkey):
    impatient = redis.Redis(
        unix_socket_path=valkey.client.connection_pool.connection_kwargs["path"],
        socket_timeout=0.2,
        retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    )
    assert impatient.ping()
    valkey.freeze()
    with pytest.raises(redis.TimeoutError):
        impatient.ping()
    valkey.thaw()
    assert valkey.client.ping()
