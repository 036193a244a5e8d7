"""Connections that were refused or cut: counted all, and logged once a minute for each reason.

Whoever is refused may come a thousand times a second, and must not fill the log.
"""

import logging
import time

from . import metrics

log = logging.getLogger(__name__)

QUIET_SECONDS = 60.0
_said_at: dict[str, float] = {}


def note(reason: str, detail: str = "") -> None:
    """``reason`` is one of a few words of ours, ``detail`` whatever came."""
    metrics.REFUSED.labels(reason).inc()
    moment = time.monotonic()
    if moment - _said_at.get(reason, float("-inf")) >= QUIET_SECONDS:
        _said_at[reason] = moment
        log.warning("A connection was refused: %s%s", reason, f" ({detail[:200]!r})" if detail else "")
