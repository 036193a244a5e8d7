"""The reader's inbox. Everything starts from ``request.inbox``, so a stranger's row is a 404."""

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from notifications import snoozing, targets
from notifications.lists import bell_of, filters_of, item_of, page_of, with_events
from notifications.live.positions import is_list, number
from notifications.models import InvalidSnooze, Notification, TooLate, Undo
from notifications.models.broadcast import KEY_START
from notifications.models.draft import KEY
from notifications.models.mute import CONVERSATION, OBJECT

from .answers import act, answer_act, changes_for, offer_undo, page, position_of, refuse
from .search import is_search, results

SELECTION_LIMIT = 1_000  # items in one act on what is ticked


@page
def inbox(request: Any) -> HttpResponse:
    if is_search(request.GET):
        return results(request)
    view = request.GET.get("view", "all")
    before = number(request.GET.get("before"))
    if not is_list(view) or ("before" in request.GET and before is None):
        raise Http404("There is no such list.")
    request.inbox.noticeboard  # noqa: B018  the positions first, then the rows: what commits in between comes by the socket
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
        "snooze_choices": list(snoozing.choices()),
    }
    if request.htmx and before is not None:
        return render(request, "notifications/older.html", context)
    return render(request, "notifications/inbox.html", context)


@transaction.non_atomic_requests
@page
def open_notification(request: Any, key: str) -> HttpResponse:
    """Marks it as read, and leads to its link or shows it whole. The one GET that changes something."""
    notification = item_of(request.inbox, key)
    if notification is None:
        raise Http404("There is no such item in this inbox.")
    if notification.retracted_at is None:
        if notification.target and not targets.may_open(notification.target, request.user):
            request.inbox.mark_unavailable(key)
        request.inbox.mark_read(request.inbox.row_of(notification))
        request.inbox.forget_announcements()
        notification = item_of(request.inbox, key) or notification
        if notification.link and "show" not in request.GET:
            return HttpResponseRedirect(notification.link)
    with_events([notification])
    context = {"n": notification, "page_title": notification.page_title, "page_view": f"item:{key}"}
    return render(request, "notifications/item.html", context)


@page
def more(request: Any, key: str) -> HttpResponse:
    """What else can be done with an item, and why it came: in the page that asks for it, or as a page of its own."""
    notification = own(request, key)
    context = {
        "n": notification,
        "page_title": notification.page_title,
        "snooze_choices": list(snoozing.choices()),
        "story_url": story_address(request.user, notification),
    }
    return render(request, "notifications/_more.html" if request.htmx else "notifications/more.html", context)


def story_address(user: Any, notification: Notification) -> str:
    """Where staff who may look read its story; empty for others, and where the site has no administration."""
    if not (user.is_staff and user.has_perm("notifications.view_notification")):
        return ""
    try:
        return reverse("admin:notifications_notification_change", args=[notification.pk])
    except NoReverseMatch:
        return ""


@act
def mark_read(request: Any, key: str) -> None:
    request.inbox.mark_read(own(request, key).key)


@act
def mark_selected_read(request: Any) -> HttpResponse:
    return offer_undo(request, request.inbox.mark_read(*selected(request)))


@act
def mark_unread(request: Any, key: str) -> HttpResponse | None:
    """Without JavaScript, the item's own page leads to the inbox: coming back to it would mark it as read again."""
    request.inbox.mark_unread(own(request, key).key)
    is_own_page = request.POST.get("next", "").startswith(reverse("notifications:open", args=[key]))
    return HttpResponseRedirect(reverse("notifications:inbox")) if is_own_page and not request.htmx else None


@act
def mark_selected_unread(request: Any) -> None:
    request.inbox.mark_unread(*selected(request))


@act
def archive(request: Any, key: str) -> HttpResponse:
    return offer_undo(request, request.inbox.archive(own(request, key).key))


@act
def archive_selected(request: Any) -> HttpResponse:
    return offer_undo(request, request.inbox.archive(*selected(request)))


@act
def unarchive(request: Any, key: str) -> None:
    request.inbox.unarchive(own(request, key).key)


@act
def unarchive_selected(request: Any) -> None:
    request.inbox.unarchive(*selected(request))


@act
def mark_saved(request: Any, key: str) -> None:
    request.inbox.mark_saved(own(request, key).key)


@act
def mark_selected_saved(request: Any) -> None:
    request.inbox.mark_saved(*selected(request))


@act
def dismiss(request: Any, key: str) -> None:
    """The banner of a broadcast."""
    request.inbox.dismiss(own(request, key).key)


@act
def acknowledge(request: Any, key: str) -> None:
    request.inbox.acknowledge(own(request, key).key)


@act
def mark_unsaved(request: Any, key: str) -> None:
    request.inbox.mark_unsaved(own(request, key).key)


@act
def snooze(request: Any, key: str) -> HttpResponse:
    return snooze_until(request, [own(request, key).key], "more-own")


@act
def snooze_selected(request: Any) -> HttpResponse:
    return snooze_until(request, selected(request), "selection-own")


def snooze_until(request: Any, keys: list[str], own_field: str) -> HttpResponse:
    try:
        until = snoozing.until_of(request.POST.get("until", ""), request.POST.get(own_field, ""))
        return offer_undo(request, request.inbox.snooze(*keys, until=until), until)
    except InvalidSnooze as error:
        return refuse(request, error)


@act
def unsnooze(request: Any, key: str) -> None:
    request.inbox.unsnooze(own(request, key).key)


@act
def unsnooze_selected(request: Any) -> None:
    request.inbox.unsnooze(*selected(request))


@act
def mark_all_read(request: Any) -> HttpResponse:
    return offer_undo(request, request.inbox.mark_all_read(**position_of(request)))


@act
def archive_all(request: Any) -> HttpResponse:
    return offer_undo(request, request.inbox.archive_all(**position_of(request)))


@act
def undo(request: Any) -> HttpResponse:
    try:
        wanted = Undo.from_signed(request.POST.get("undo", ""))
    except TooLate:
        return refuse(request, _("It is too late to undo that. Nothing was changed."))
    if wanted.inbox_id != request.inbox.pk:
        raise Http404("That is another reader's.")
    count = request.inbox.undo(wanted)
    said = _("Undone.") if count else _("There was nothing left to undo: it has changed since.")
    return answer_act(request, render_to_string("notifications/_done.html", {"said": said}))


@act
def mute(request: Any, key: str) -> HttpResponse:
    """``mute`` is "conversation:day", "object:always", ..."""
    notification = own(request, key)
    kind, _colon, span = request.POST.get("mute", "").partition(":")
    names = {CONVERSATION: notification.group_key, OBJECT: notification.target}
    try:
        until = snoozing.mute_until(span)
    except ValueError:
        return refuse(request, _("Choose what to mute, and for how long: a day, a week or always."))
    if not names.get(kind):
        return refuse(request, _("This notification belongs to no conversation and to no object that could be muted."))
    request.inbox.mute(kind, names[kind], notification.mute_label, until)
    context = {"name": notification.mute_label, "until": until}
    return answer_act(request, render_to_string("notifications/_muted.html", context))


@act
def mark_seen(request: Any) -> HttpResponse | None:
    """The bell was opened: the answer is its list."""
    request.inbox.mark_seen(**position_of(request))
    if not request.htmx:
        return None
    request.inbox.forget_announcements()
    return render(request, "notifications/bell.html", {"bell": bell_of(request.inbox)})


@page
def changes(request: Any) -> HttpResponse:
    """What a page without a socket lacks."""
    return changes_for(request, request.GET)


def own(request: Any, key: str) -> Notification:
    """404 for what is not in this reader's inbox, or is no longer."""
    if key.startswith(KEY_START):
        if found := request.inbox.announcement(key):
            return found
        raise Http404("This broadcast is over, or was never for this reader.")
    return get_object_or_404(request.inbox.notifications.listed(), key=key)


def selected(request: HttpRequest) -> list[str]:
    """The keys of the ticked items. Those of somebody else lead nowhere: acts begin at the reader's own inbox."""
    return [key for key in request.POST.getlist("key") if KEY.fullmatch(key)][:SELECTION_LIMIT]
