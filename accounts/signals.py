from functools import partial
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils.timezone import now

from accounts import limits
from accounts.avatars import remove_files
from accounts.models import User
from notifications.events import tidying_due

SESSIONS_AT_ONCE = 1_000


@receiver(post_delete, sender=User)
def remove_avatar_of_deleted_account(sender: type, instance: User, **kwargs: Any) -> None:
    transaction.on_commit(partial(remove_files, instance.avatar), robust=True)


@receiver(tidying_due)
def remove_unused_budgets(sender: type, **kwargs: Any) -> None:
    limits.remove_unused()


@receiver(tidying_due)
def remove_expired_sessions(sender: type, **kwargs: Any) -> None:
    """Some at a time. Without a signal for each: no socket is left that lived by one."""
    expired = Session.objects.filter(expire_date__lt=now()).values_list("pk", flat=True)[:SESSIONS_AT_ONCE]
    if keys := list(expired):
        Session.objects.filter(pk__in=keys)._raw_delete(using=Session.objects.db)
