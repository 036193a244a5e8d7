"""What Belfry listens to."""

import logging
import threading
from collections.abc import Collection
from contextvars import ContextVar
from functools import partial
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.models import AbstractBaseUser, Group
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_noop as _

from . import events, job_task, targets, tasks
from .broadcasting import REMINDED_AT_ONCE
from .delivery import close, notify, notify_many
from .job_branches import settle_branched
from .job_files import remove
from .live import push
from .live.sessions import digest
from .models import (
    Allowance,
    Audience,
    Board,
    Broadcast,
    BroadcastEvent,
    Browser,
    Inbox,
    Job,
    Noticeboard,
    ThreadPresence,
    clock,
)
from .models.broadcast import PUBLISHED, SCHEDULED, touch
from .models.broadcast_event import REMINDING

log = logging.getLogger(__name__)

REFRESHED_ONE_BY_ONE = 50  # readers; for more of them the board changes, and every page is looked at


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


_signing_out: ContextVar[str | None] = ContextVar("signing_out", default=None)


@receiver(user_logged_out)
def note_who_signs_out(sender: type, request: Any, **kwargs: Any) -> None:
    """Before the session is deleted, of which its sockets are told as of every other one, but in other words."""
    _signing_out.set(request.session.session_key)


@receiver(post_delete, sender=Session)
def look_at_sockets_of_ended_session(sender: type, instance: Session, **kwargs: Any) -> None:
    """Signed out, renewed, or deleted by whoever may; but not what is tidied away when it has long expired."""
    user_id = instance.get_decoded().get(SESSION_KEY)
    if user_id is None or instance.expire_date < clock.now():
        return
    ended = digest(instance.session_key) if instance.session_key == _signing_out.get() else ""
    transaction.on_commit(partial(look_at_sockets_of, user_id, ended), robust=True)


def look_at_sockets_of(user_id: str, ended: str) -> None:
    users = get_user_model()._default_manager
    try:
        user = users.filter(pk=user_id).first()
    except (ValueError, ValidationError):  # a session from before users had other keys
        return
    if user is not None:
        look_at_sockets(user, ended)


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


@receiver(pre_delete, sender=Inbox)
def lock_vanishing_inbox(sender: type, instance: Inbox, **kwargs: Any) -> None:
    """Whoever writes into it locks it first and its rows then. Deleted in the other order, they would deadlock."""
    if transaction.get_connection().in_atomic_block:
        list(Inbox.objects.filter(pk=instance.pk).locked().values_list("pk"))


# Whom broadcasts address may change while they run.


@receiver(m2m_changed)
def look_at_pages_of_new_members(
    sender: type, instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any
) -> None:
    """Somebody has joined or left a group. Who a group is cleared of, is only known before."""
    if sender is not memberships() or action not in ("post_add", "post_remove", "pre_clear"):
        return
    if not reverse:
        users = {instance.pk}
    elif action == "pre_clear":
        users = set(instance.user_set.values_list("pk", flat=True))
    else:
        users = set(pk_set or ())
    if users and pk_set != set():
        transaction.on_commit(partial(refresh_readers, users, Audience.GROUPS), robust=True)


def memberships() -> type | None:
    groups = getattr(get_user_model(), "groups", None)
    return groups.through if groups is not None else None


@receiver(pre_save, sender=get_user_model())
def note_change_of_staff(sender: type, instance: Any, raw: bool, update_fields: Any = None, **kwargs: Any) -> None:
    if raw or instance._state.adding or (update_fields is not None and "is_staff" not in update_fields):
        return
    users = sender._base_manager.filter(pk=instance.pk)  # type: ignore[attr-defined]
    instance._belfry_changes_staff = users.exclude(is_staff=instance.is_staff).exists()


@receiver(post_save, sender=get_user_model())
def look_at_pages_of_new_staff(sender: type, instance: Any, **kwargs: Any) -> None:
    """Not before it is saved: without a transaction, what waits for its commit is done at once."""
    if instance.__dict__.pop("_belfry_changes_staff", False):
        transaction.on_commit(partial(refresh_readers, {instance.pk}, Audience.STAFF), robust=True)


def refresh_readers(user_ids: Collection[Any], audience: str) -> None:
    """Their open pages are looked at anew, if a broadcast with such an audience is running."""
    running = [broadcast for broadcast in Noticeboard.current().live() if broadcast.audience == audience]
    if running and len(user_ids) > REFRESHED_ONE_BY_ONE:
        touch(running)
    elif running:
        for inbox in Inbox.objects.filter(user__in=user_ids):
            inbox.refresh_for_reader()


@receiver(pre_delete, sender=Group)
def look_at_pages_of_vanishing_group(sender: type, instance: Group, **kwargs: Any) -> None:
    running = list(Broadcast.objects.filter(state=PUBLISHED, groups=instance))
    if running:
        transaction.on_commit(partial(touch, running), robust=True)


@receiver(post_delete, sender=Broadcast)
def forget_vanished_broadcast(sender: type, instance: Broadcast, **kwargs: Any) -> None:
    """Nothing of ours deletes one that was published; where somebody has, no process and no page may remember it."""
    if instance.revision is not None:
        transaction.on_commit(Board.renew_pages, robust=True)


# What broadcasts want done in the background. The tick does it where no worker is, and takes longer.


@receiver(post_save, sender=Broadcast)
def begin_gathering(sender: type, instance: Broadcast, update_fields: Any = None, **kwargs: Any) -> None:
    if update_fields is None and instance.state == SCHEDULED and instance.names:
        transaction.on_commit(partial(start, tasks.gather_names, instance.pk), robust=True)


@receiver(post_save, sender=BroadcastEvent)
def begin_reminding(sender: type, instance: BroadcastEvent, created: bool, **kwargs: Any) -> None:
    if created and instance.what == REMINDING and instance.changes["people"][1] > REMINDED_AT_ONCE:
        transaction.on_commit(partial(start, tasks.send_reminders, instance.pk), robust=True)


@receiver(post_save, sender=Broadcast)
def close_reminders(sender: type, instance: Broadcast, created: bool, **kwargs: Any) -> None:
    """Nobody has to acknowledge what is over."""
    was_shown = not created and instance.revision is not None
    if was_shown and instance.asks_acknowledgement and instance.state != PUBLISHED:
        transaction.on_commit(partial(close, instance), robust=True)


@receiver(events.job_due)
def send_due_jobs(sender: type, jobs: list[tuple[str, int, str]], **kwargs: Any) -> None:
    for job in jobs:
        if job[2]:
            job_task.sender().put(*job)


@receiver(events.job_ended)
def settle_job_of_ended_branch(sender: type, job: Job, **kwargs: Any) -> None:
    if job.branch_of_id:
        settle_branched(job.branch_of_id)


@receiver(events.job_forced)
def stop_forced_job(sender: type, job: Job, **kwargs: Any) -> None:
    threading.Thread(target=stop_worker, args=[str(job.pk), job.attempt], name="belfry-stop", daemon=True).start()


def stop_worker(job_id: str, attempt: int) -> None:
    try:
        job_task.stop_worker_of(job_id, attempt)
    except Exception as error:  # whatever the broker throws: what the worker still does, has no effect on the job
        log.warning("The worker of job %s could not be stopped: %s", job_id, error or type(error).__name__)


@receiver(events.tidying_due)
def remove_what_is_over(sender: type, **kwargs: Any) -> None:
    """Seats that processes which died have left behind, and limits of which nothing is used up any more."""
    ThreadPresence.remove_expired()
    Allowance.remove_unused()


@receiver(post_delete, sender=Job)
def remove_files_of_vanished_job(sender: type, instance: Job, **kwargs: Any) -> None:
    for name in (instance.result_file, instance.upload_file):
        transaction.on_commit(partial(remove, name), robust=True)


def start(task: Any, *arguments: Any) -> None:
    """On a thread: a broker that is slow, frozen or dead must not hold up who publishes."""
    threading.Thread(target=send, args=[task, *arguments], name="belfry-start", daemon=True).start()


def send(task: Any, *arguments: Any) -> None:
    try:
        task.apply_async(arguments, retry=False)
    except Exception as error:  # whatever the broker throws, the tick does it
        log.warning("The task %s could not be sent: %s", task.name, error or type(error).__name__)
