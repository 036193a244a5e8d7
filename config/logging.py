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
    """Turns the traceback that channels_redis logs every second while Redis is away into one line per outage."""

    QUIET = 10.0

    def __init__(self) -> None:
        super().__init__()
        self.last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, OSError) and "Connection" not in type(error).__name__:
            return True
        begins = time.monotonic() - self.last > self.QUIET
        self.last = time.monotonic()
        record.msg, record.args = "Redis is away; live updates come with the sweep until it is back (%s)", (error,)
        record.exc_info = record.exc_text = None
        return begins


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
        "filters": {"once_per_outage": {"()": OncePerOutage}},
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
            "celery": {"level": "WARNING"},
            "py.warnings": {"level": "ERROR"},  # Celery logs Python's warnings, which are for its developers
            "channels_redis.pubsub": {"filters": ["once_per_outage"]},
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
