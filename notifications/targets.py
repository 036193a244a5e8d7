"""What notifications are about, where it can vanish: models whose rows may be deleted, or closed to some readers.

Any installed app may have a module ``targets.py`` that calls :func:`register`; it is imported at start.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.signals import post_delete
from django.dispatch import Signal

log = logging.getLogger(__name__)

#: Argument: ``instance``, a target that has just been deleted, perhaps in a transaction that will fail.
deleted = Signal()

MayOpen = Callable[[Any, Any], bool]


@dataclass(frozen=True)
class Target:
    model: type[models.Model]
    may_open: MayOpen


_registry: dict[str, Target] = {}


def everyone(user: Any, instance: Any) -> bool:
    return True


def register(model: type[models.Model], may_open: MayOpen = everyone) -> None:
    """Watch over rows of this model that are given to ``notify()`` as ``target``.

    When one is deleted, its notifications say "No longer available". ``may_open(user, instance)`` is asked when a
    reader opens a notification; when it says no, that one says so, too.
    """
    _registry[model._meta.label_lower] = Target(model, may_open)
    post_delete.connect(tell_of_deletion, sender=model, dispatch_uid="belfry_target")


def tell_of_deletion(sender: type, instance: models.Model, **kwargs: Any) -> None:
    deleted.send(sender, instance=instance)


def name_of(instance: models.Model) -> str:
    """Like "shop.order:17"."""
    return f"{instance._meta.label_lower}:{instance.pk}"


def may_open(name: str, user: Any) -> bool:
    """Whether the target of that name is there, and this user may see it. What nobody registered is not judged."""
    label, _, pk = name.partition(":")
    target = _registry.get(label)
    if target is None:
        return True
    try:
        instance = target.model._base_manager.filter(pk=pk).first()
    except (ValueError, ValidationError):  # no key of that model: it had none yet when it was sent
        return False
    return instance is not None and asked(target.may_open, user, instance)


def asked(question: MayOpen, user: Any, instance: Any) -> bool:
    """One that fails closes nothing: the page that the notification leads to asks for itself."""
    try:
        return bool(question(user, instance))
    except Exception:
        log.exception("may_open() of %s failed.", name_of(instance))
        return True
