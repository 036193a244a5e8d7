"""The log: readable lines or JSON, and no storm of tracebacks while Redis is away."""

import json
import logging
import logging.config

import pytest
import redis
import structlog
from django.db import OperationalError

from config.logging import DatabaseIsAway, OncePerMinute, RedisIsAway, logging_config


def record_of(error: Exception) -> logging.LogRecord:
    info = (type(error), error, None)
    return logging.LogRecord("channels_redis.pubsub", logging.ERROR, "", 0, "Unexpected exception", (), info)


def formatted(record: logging.LogRecord, *, json_lines: bool) -> str:
    wanted = logging_config("INFO", json=json_lines)["formatters"]["plain"]
    formatter = wanted.pop("()")
    return formatter(**wanted).format(record)


def test_an_outage_of_redis_is_one_line_without_a_traceback():
    outage = RedisIsAway()
    records = [record_of(redis.ConnectionError("refused")) for _ in range(5)]
    assert [outage.filter(record) for record in records] == [True, False, False, False, False]
    assert records[0].exc_info is None
    assert "Redis is away" in records[0].getMessage()


def test_the_next_outage_is_told_again():
    outage = RedisIsAway()
    outage.filter(record_of(redis.ConnectionError("refused")))
    outage.last -= RedisIsAway.QUIET + 1
    assert outage.filter(record_of(redis.ConnectionError("refused")))


def test_other_errors_keep_their_traceback():
    record = record_of(ValueError("a bug"))
    assert RedisIsAway().filter(record) is True
    assert record.exc_info is not None


def test_production_logs_one_json_object_per_line():
    record = logging.LogRecord("notifications", logging.INFO, "", 0, "%s has joined", ("bo",), None)
    entry = json.loads(formatted(record, json_lines=True))
    assert (entry["event"], entry["level"], entry["logger"]) == ("bo has joined", "info", "notifications")


def test_development_logs_lines_for_people():
    record = logging.LogRecord("notifications", logging.INFO, "", 0, "%s has joined", ("bo",), None)
    assert "bo has joined" in formatted(record, json_lines=False)


@pytest.mark.parametrize("json_lines", [True, False])
def test_values_given_with_a_message_are_shown(json_lines):
    logging_config("INFO", json=json_lines)
    record = logging.LogRecord("notifications", logging.INFO, "", 0, "delivered", (), None)
    record.inbox = 7
    assert "7" in formatted(record, json_lines=json_lines)
    assert structlog.is_configured()


def test_an_outage_of_the_database_is_one_line_and_other_errors_keep_their_tracebacks():
    outage = DatabaseIsAway()
    records = [record_of(OperationalError("refused")) for _ in range(3)]
    assert [outage.filter(record) for record in records] == [True, False, False]
    assert "The database is away" in records[0].getMessage()
    record = record_of(ValueError("ours"))
    assert outage.filter(record)
    assert record.exc_info is not None


def complaint(line: int, error: Exception | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("daphne.server", logging.ERROR, "", line, "Strange: %s", ("this",), info)


def test_what_a_client_can_cause_is_one_line_a_minute_for_each_kind():
    once = OncePerMinute()
    kinds = [complaint(1), complaint(1), complaint(2), complaint(1, ValueError()), complaint(1, ValueError())]
    assert [once.filter(record) for record in kinds] == [True, False, True, True, False]


def test_the_next_line_says_how_many_there_were_not(monkeypatch):
    once = OncePerMinute()
    for _ in range(5):
        once.filter(complaint(1))
    monkeypatch.setattr(OncePerMinute, "QUIET", 0.0)
    later = complaint(1)
    assert once.filter(later)
    assert later.getMessage() == "Strange: this (and 4 more since the last such line)"
