from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts.avatars import remove_files
from accounts.models import User


@receiver(post_delete, sender=User)
def remove_avatar_of_deleted_account(sender: type, instance: User, **kwargs: Any) -> None:
    transaction.on_commit(partial(remove_files, instance.avatar), robust=True)
