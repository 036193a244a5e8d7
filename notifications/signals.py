"""What Belfry listens to."""

from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_noop as _

from . import targets
from .delivery import close, notify, notify_many
from .live import push
from .live.sessions import digest
from .models import Browser, Inbox


@receiver(post_save, sender=get_user_model())
def open_inbox_of_new_account(sender: type, instance: Any, created: bool, raw: bool, **kwargs: Any) -> None:
    """While nobody else knows the account: two senders who had to make inboxes in their own transactions, in opposite
    orders, would deadlock."""
    if created and not raw:
        Inbox.objects.of(instance)


@receiver(post_save, sender=get_user_model())
def tell_staff_of_new_account(sender: type, instance: Any, created: bool, raw: bool, **kwargs: Any) -> None:
    if not created or raw:
        return
    staff = sender._default_manager.filter(is_staff=True, is_active=True).exclude(pk=instance.pk)  # type: ignore[attr-defined]
    notify_many(
        staff,
        verb="account.created",
        actor=instance,
        category="people",
        key=f"account-{instance.pk}",
        reason=_("Because you are staff"),
        url=admin_address(instance),
    )


def admin_address(user: Any) -> str:
    """Where staff look at this account; empty where the site's administration does not show accounts."""
    try:
        return reverse(f"admin:{user._meta.app_label}_{user._meta.model_name}_change", args=[user.pk])
    except NoReverseMatch:
        return ""


@receiver(post_save, sender=get_user_model())
def look_at_sockets_of_changed_account(
    sender: type, instance: Any, created: bool, raw: bool, update_fields: Any = None, **kwargs: Any
) -> None:
    """A new password ends the other sessions, and a deactivated account has none."""
    if created or raw or (update_fields is not None and set(update_fields) == {"last_login"}):
        return
    transaction.on_commit(partial(look_at_sockets, instance), robust=True)


@receiver(targets.deleted)
def close_what_was_sent_about_it(sender: type, instance: Any, **kwargs: Any) -> None:
    close(instance)


@receiver(user_logged_out)
def look_at_sockets_of_ended_session(sender: type, request: Any, user: Any, **kwargs: Any) -> None:
    if user is not None:
        ended = digest(request.session.session_key)
        transaction.on_commit(partial(look_at_sockets, user, ended), robust=True)


def look_at_sockets(user: Any, ended: str = "") -> None:
    """Hubs look at the user's sockets again: told by a nudge, and by the sweep where that is lost.

    After the commit, since it locks the inbox, and robust: whoever signs out must not see an error for it.
    """
    inbox = Inbox.objects.of(user)
    inbox.note_access_change()
    push.nudge_sessions(inbox.pk, ended)


@receiver(user_logged_in)
def tell_of_unknown_browser(sender: type, request: Any, user: AbstractBaseUser, **kwargs: Any) -> None:
    """The first browser of an account is taken as its owner's."""
    if request is not None:
        tell = partial(remember_browser, user, request.headers.get("User-Agent", ""))
        transaction.on_commit(tell, robust=True)  # a sign-in must not fail for it


def remember_browser(user: AbstractBaseUser, user_agent: str) -> None:
    browser, is_strange = Browser.remember(user, user_agent)
    if is_strange:
        notify(
            user,
            verb="account.new_browser",
            params={"browser": browser.label},
            category="security",
            body=_("If this was not you, change your password."),
            reason=_("Because it is your account"),
            key=f"browser-{browser.pk}",
        )
