"""What may ring: the reader's settings."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from notifications import categories, threads
from notifications.models import Block, Inbox
from notifications.models.mute import CATEGORY
from notifications.thread_lists import level_choices, person_of, rooms_of

from .answers import act, page


@page
def preferences(request: Any) -> HttpResponse:
    muted = request.inbox.muted_categories()
    context = {
        "rows": [{"category": one, "muted": one.name in muted} for one in categories.everything()],
        "mutes": request.inbox.mutes.in_force().exclude(kind=CATEGORY).order_by("-pk"),
        "blocks": [{"pk": one.pk, "person": person_of(one.user)} for one in blocks_of(request.inbox)],
        "rooms": [{"room": one, "levels": level_choices(one.level)} for one in rooms_of(request.inbox)],
        "page_title": _("Notification settings"),
    }
    return render(request, "notifications/preferences.html", context)


@act
def show_toasts(request: Any) -> None:
    request.inbox.show_toasts()


@act
def hide_toasts(request: Any) -> None:
    request.inbox.hide_toasts()


@act
def enable_shortcuts(request: Any) -> None:
    request.inbox.enable_shortcuts()


@act
def disable_shortcuts(request: Any) -> None:
    request.inbox.disable_shortcuts()


@act
def become_visible(request: Any) -> None:
    request.inbox.become_visible()


@act
def become_invisible(request: Any) -> None:
    request.inbox.become_invisible()


@act
def unblock(request: Any, pk: int) -> None:
    threads.unblock(request.user, get_object_or_404(request.inbox.blocks, pk=pk).user)


@act
def mute_category(request: Any, name: str) -> None:
    request.inbox.mute_category(switchable(name))


@act
def unmute_category(request: Any, name: str) -> None:
    request.inbox.unmute_category(switchable(name))


@act
def unmute(request: Any, pk: int) -> None:
    get_object_or_404(request.inbox.mutes, pk=pk)
    request.inbox.unmute(pk)


def blocks_of(inbox: Inbox) -> Iterable[Block]:
    return inbox.blocks.select_related("user").order_by("-pk")


def switchable(name: str) -> str:
    if name not in {category.name for category in categories.everything() if not category.required}:
        raise Http404("There is no category of that name that can be switched off.")
    return name
