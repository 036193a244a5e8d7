"""The Celery application: `celery -A celery_app worker`."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init
from kombu.transport import redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("belfry")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def do_without_pool(**_: Any) -> None:
    """In the worker's main process, before it forks. A pool of connections has threads, which a fork leaves behind:
    the children would share its sockets and wait for it in vain. Each has one task at a time and needs no pool."""
    from django.db import connections

    for connection in connections.all():
        connection.close()
        if connection.settings_dict["OPTIONS"].pop("pool", None):
            getattr(connection, "close_pool", bool)()


class Channel(redis.Channel):
    """After an outage of the broker, kombu 5.7 still acknowledges over the channel that is gone, and hands back what
    was not: the worker ends with an AttributeError. A ConnectionError it takes as what it is. Nothing is lost by it:
    the broker hands out again what nobody has acknowledged, and a job is claimed once."""

    def _connparams(self, *args: Any, **options: Any) -> Any:
        if getattr(self.connection, "client", None) is None:
            raise ConnectionError("The connection of this channel is gone.")
        return super()._connparams(*args, **options)


redis.Transport.Channel = Channel
