"""The signals that Belfry sends, after the commit of what they tell.

A receiver that raises is logged and disturbs nobody.
"""

import logging

from django.dispatch import Signal

log = logging.getLogger(__name__)

#: Arguments: ``notifications``, a queryset of those that arrived together.
notification_delivered = Signal()

#: Arguments: ``inbox`` and ``keys``, the keys of what its reader has just read.
notification_read = Signal()

#: Arguments: ``inbox`` and ``keys``, the keys of what its sender has taken back.
notification_retracted = Signal()

#: Arguments: ``user`` and ``reason`` ("inactive" or "muted"): somebody who got nothing.
notification_skipped = Signal()

#: Arguments: ``jobs``, each (id, attempt, name of the task): they wait for a worker.
job_due = Signal()

#: Arguments: ``job``, which was ended by force: its worker may still be at it.
job_forced = Signal()

#: Arguments: ``job``, which has ended.
job_ended = Signal()

#: Once a minute, by the tick: receivers remove what is needed no more.
tidying_due = Signal()


def send(signal: Signal, sender: type, **arguments: object) -> None:
    for receiver, result in signal.send_robust(sender, **arguments):
        if isinstance(result, Exception):
            log.error("The receiver %r failed.", receiver, exc_info=result)
