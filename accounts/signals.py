from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts import limits
from accounts.avatars import remove_files
from accounts.models import User
from notifications.events import tidying_due


@receiver(post_delete, sender=User)
def remove_avatar_of_deleted_account(sender: type, instance: User, **kwargs: Any) -> None:
    transaction.on_commit(partial(remove_files, instance.avatar), robust=True)


@receiver(tidying_due)
def remove_unused_budgets(sender: type, **kwargs: Any) -> None:
    limits.remove_unused()
