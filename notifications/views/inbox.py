"""The reader's inbox. Everything starts from ``request.inbox``, so a stranger's row is a 404."""

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from notifications import categories
from notifications.lists import BELL_LENGTH, filters_of, page_of
from notifications.live.positions import is_list, number

from .answers import act, changes_for, page, position_of


@page
def inbox(request: Any) -> HttpResponse:
    view = request.GET.get("view", "all")
    before = number(request.GET.get("before"))
    if not is_list(view) or ("before" in request.GET and before is None):
        raise Http404("There is no such list.")
    request.inbox.revision  # noqa: B018  the position first, then the rows: what commits in between comes by the socket
    shown = page_of(request.inbox, view, before)
    filters = filters_of(request.inbox, view)
    context = {
        "rows": shown.rows,
        "bottom": shown.bottom,
        "older_url": shown.older_url,
        "view": view,
        "page_view": f"feed:{view}" if before is None else "none",
        "filters": filters,
        "is_live": before is None,
        "page_title": next(str(one.label) for one in filters if one.current) if view != "all" else _("Inbox"),
    }
    if request.htmx and before is not None:
        return render(request, "notifications/older.html", context)
    return render(request, "notifications/inbox.html", context)


@transaction.non_atomic_requests
@page
def open_notification(request: Any, key: str) -> HttpResponse:
    """Marks it as read, and leads to its link or shows it whole. The one GET that changes something."""
    notification = get_object_or_404(request.inbox.notifications.filter(revision__isnull=False), key=key)
    if notification.retracted_at is None:
        request.inbox.mark_read(key)
        if notification.url and "show" not in request.GET:
            return HttpResponseRedirect(notification.url)
    notification.refresh_from_db()
    context = {"n": notification, "page_title": notification.page_title, "page_view": f"item:{key}"}
    return render(request, "notifications/item.html", context)


@act
def mark_read(request: Any, key: str) -> None:
    own(request, key)
    request.inbox.mark_read(key)


@act
def mark_unread(request: Any, key: str) -> HttpResponse | None:
    """Without JavaScript, the item's own page leads to the inbox: coming back to it would mark it as read again."""
    own(request, key)
    request.inbox.mark_unread(key)
    is_own_page = request.POST.get("next", "").startswith(reverse("notifications:open", args=[key]))
    return HttpResponseRedirect(reverse("notifications:inbox")) if is_own_page and not request.htmx else None


@act
def archive(request: Any, key: str) -> None:
    own(request, key)
    request.inbox.archive(key)


@act
def unarchive(request: Any, key: str) -> None:
    own(request, key)
    request.inbox.unarchive(key)


@act
def mark_all_read(request: Any) -> None:
    request.inbox.mark_all_read(upto=position_of(request))


@act
def archive_all(request: Any) -> None:
    request.inbox.archive_all(upto=position_of(request))


@act
def mark_seen(request: Any) -> HttpResponse | None:
    """The bell was opened: the answer is its list."""
    request.inbox.mark_seen(upto=position_of(request))
    if not request.htmx:
        return None
    bell = request.inbox.notifications.in_view("all")[:BELL_LENGTH]
    return render(request, "notifications/bell.html", {"bell": bell})


@page
def changes(request: Any) -> HttpResponse:
    """What a page without a socket lacks."""
    return changes_for(request, request.GET)


@page
def preferences(request: Any) -> HttpResponse:
    muted = request.inbox.muted_categories()
    rows = [{"category": one, "muted": one.name in muted} for one in categories.everything()]
    return render(request, "notifications/preferences.html", {"rows": rows, "page_title": _("Notification settings")})


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
def mute_category(request: Any, name: str) -> None:
    request.inbox.mute_category(switchable(name))


@act
def unmute_category(request: Any, name: str) -> None:
    request.inbox.unmute_category(switchable(name))


def own(request: HttpRequest, key: str) -> None:
    """404 for what is not in this reader's inbox."""
    get_object_or_404(request.inbox.notifications.listed(), key=key)  # type: ignore[attr-defined]


def switchable(name: str) -> str:
    if name not in {category.name for category in categories.everything() if not category.required}:
        raise Http404("There is no category of that name that can be switched off.")
    return name
