"""Celery tasks: load by id, one call to the domain."""

from typing import Any

from celery import shared_task
from django.contrib.auth import get_user_model

from .delivery import notify_many


@shared_task
def notify_users(user_ids: list[Any], key: str, **content: Any) -> int:
    """``notify_many()`` in the background. The key makes it safe to run twice. Returns how many have it."""
    return notify_many(get_user_model()._default_manager.filter(pk__in=user_ids), key=key, **content).count
