"""How Belfry logs: lines for people in development, one JSON object per line in production."""

import logging
import time
from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
]


class OncePerOutage(logging.Filter):
    """Turns what would be told again and again while something is away, with a traceback, into one line per outage."""

    QUIET = 10.0

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not self.is_meant(error):
            return True
        begins = time.monotonic() - self.last > self.QUIET
        self.last = time.monotonic()
        record.msg, record.args = f"{self.what} (%s)", (error,)
        record.exc_info = record.exc_text = None
        return begins

    def is_meant(self, error: BaseException | None) -> bool:
        raise NotImplementedError


class RedisIsAway(OncePerOutage):
    """channels_redis says so every second."""

    def __init__(self) -> None:
        super().__init__("Redis is away; live updates come with the sweep until it is back")

    def is_meant(self, error: BaseException | None) -> bool:
        return isinstance(error, OSError) or "Connection" in type(error).__name__


class DatabaseIsAway(OncePerOutage):
    """Django says so for every request."""

    def __init__(self) -> None:
        super().__init__("The database is away, full or slow; requests are answered with 503 until it is back")

    def is_meant(self, error: BaseException | None) -> bool:
        from config.outages import is_outage  # Django is not set up yet when logging is

        return is_outage(error)


class OncePerMinute(logging.Filter):
    """Lets one line of a kind through in a minute, and counts the others on the next one: what a client can cause, it
    can cause a thousand times a second."""

    QUIET = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.kinds: dict[tuple[object, ...], tuple[float, int]] = {}  # when it was said, and how often it was not

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (record.name, record.lineno, record.exc_info and record.exc_info[0])
        said_at, unsaid = self.kinds.get(kind, (float("-inf"), 0))
        moment = time.monotonic()
        if moment - said_at < self.QUIET:
            self.kinds[kind] = (said_at, unsaid + 1)
            return False
        self.kinds[kind] = (moment, 0)
        if unsaid:
            record.msg, record.args = f"{record.getMessage()} (and {unsaid} more since the last such line)", ()
        return True


def logging_config(level: str, *, json: bool) -> dict[str, Any]:
    """The LOGGING setting."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "redis_is_away": {"()": RedisIsAway},
            "database_is_away": {"()": DatabaseIsAway},
            "once_per_minute": {"()": OncePerMinute},
        },
        "formatters": {
            "plain": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": _for_machines() if json else _for_people(),
            },
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "plain"},
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"level": level},
            "daphne": {"level": "WARNING"},
            **{
                f"daphne.{part}": {"filters": ["once_per_minute"]}
                for part in ("server", "http_protocol", "ws_protocol")
            },
            "celery": {"level": "WARNING"},
            "py.warnings": {"level": "ERROR"},  # Celery logs Python's warnings, which are for its developers
            "channels_redis.pubsub": {"filters": ["redis_is_away"]},
            "django.request": {"filters": ["database_is_away"]},
            "psycopg.pool": {"level": "ERROR"},  # each try to connect; who waited for it says so
        },
    }


def _for_people() -> list[Any]:
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
    ]


def _for_machines() -> list[Any]:
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
