"""Broadcasts, for staff who may broadcast: the list, one with its numbers, and what can be done with it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from notifications import broadcasting
from notifications.broadcast_numbers import addressed_by, numbers_of, readings_of
from notifications.models import Broadcast, WrongState, clock
from notifications.models.broadcast import DRAFT, ENDED, PUBLISHED, SCHEDULED, UNDO, WITHDRAWN

from .answers import staff_required
from .broadcast_sample import sample_of
from .broadcast_words import describe, grouped, publish_label, told, too_late

PAST_LENGTH = 20
LACKING_SHOWN = 50
LACKING_LENGTH = 200
COUNT_TYPED_FROM = 100  # recipients; from there on their number must be typed


def staff_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    return require_safe(never_cache(staff_required(view)))


# Looking.


@staff_page
def broadcasts(request: Any) -> HttpResponse:
    moment = clock.now()
    found = listed()
    running = [one for one in found.filter(state=PUBLISHED).order_by("-arrival") if one.is_live(moment)]
    past = found.filter(state__in=(ENDED, WITHDRAWN, PUBLISHED)).exclude(pk__in=[one.pk for one in running])
    page = Paginator(past.order_by("-arrival", "-pk"), PAST_LENGTH).get_page(request.GET.get("page"))
    context = {
        "sections": [
            ("running", _("Running"), running),
            ("scheduled", _("Scheduled"), list(found.filter(state=SCHEDULED).order_by("starts_at", "pk"))),
            ("drafts", _("Drafts"), list(found.filter(state=DRAFT).order_by("-pk"))),
            ("past", _("Past"), list(page)),
        ],
        "past": page,
        "page_title": _("Broadcasts"),
        **common(),
    }
    for _name, _title, some in context["sections"]:
        for one in some:
            describe(one, moment)
    return render(request, f"notifications/broadcasts/{'_list' if request.htmx else 'list'}.html", context)


@staff_page
def broadcast(request: Any, pk: int) -> HttpResponse:
    shown = describe(get_object_or_404(listed(), pk=pk), clock.now())
    numbers = numbers_of(shown)
    context = {
        "b": shown,
        "numbers": numbers,
        "acknowledged_of": numbers.addressed - numbers.lacking,
        "sample": sample_of(shown),
        "lacking": shown.lacking_acknowledgement().order_by("pk")[:LACKING_SHOWN] if asks(shown) else (),
        "lacking_shown": LACKING_SHOWN,
        "publish_label": publish_label(shown, numbers.addressed),
        "needs_typing": shown.state == DRAFT and numbers.addressed >= COUNT_TYPED_FROM,
        "chart": chart_of(shown, numbers.addressed),
        "undo_seconds": seconds_to_undo(shown),
        "history": [told(event) for event in shown.events.all()],
        "page_title": shown.title,
        **common(),
    }
    return render(request, f"notifications/broadcasts/{'_broadcast' if request.htmx else 'broadcast'}.html", context)


@staff_page
def unacknowledged(request: Any, pk: int) -> HttpResponse:
    """Who has not said that they have read it, all of them."""
    shown = describe(get_object_or_404(listed(), pk=pk), clock.now())
    people = shown.lacking_acknowledgement().order_by("pk") if shown.asks_acknowledgement else shown.users().none()
    page = Paginator(people, LACKING_LENGTH).get_page(request.GET.get("page"))
    context = {"b": shown, "people": page, "page_title": _("Not confirmed")}
    return render(request, "notifications/broadcasts/unacknowledged.html", context)


# Acting.


def act(verb: Callable[[Any, Broadcast], HttpResponse | None]) -> Callable[..., HttpResponse]:
    """A POST by staff to one broadcast. Back to its page; what cannot be done says why there."""

    @wraps(verb)
    def answer(request: HttpRequest, pk: int) -> HttpResponse:
        shown = get_object_or_404(Broadcast.objects.real(), pk=pk)
        try:
            answered = verb(request, shown)
        except WrongState:
            messages.error(request, too_late(shown))
            answered = None
        return answered or redirect("notifications:broadcast", pk)

    return transaction.non_atomic_requests(require_POST(never_cache(staff_required(answer))))


@act
def publish(request: Any, shown: Broadcast) -> HttpResponse | None:
    """As it stands. To many people, it leads to the form, where their number must be typed."""
    if shown.state == DRAFT and addressed_by(shown) >= COUNT_TYPED_FROM:
        return redirect("notifications:edit_broadcast", shown.pk)
    if request.POST.get("version", str(shown.version)) != str(shown.version):
        messages.warning(request, _("It was changed while you looked at it. Read it again before you publish it."))
        return None
    shown.publish(request.user)
    say_published(request, shown)
    return None


@act
def cancel(request: Any, shown: Broadcast) -> None:
    shown.cancel(request.user)
    messages.success(request, _("It is cancelled, and a draft again."))


@act
def undo_publication(request: Any, shown: Broadcast) -> None:
    if shown.state == DRAFT:  # done already
        return
    try:
        shown.undo_publication(request.user)
        messages.success(request, _("Taken back, as if it had never been published. It is a draft again."))
    except WrongState:
        if shown.state != PUBLISHED:
            raise
        messages.error(request, _("It is too late to undo that. You can still withdraw it."))


@act
def end(request: Any, shown: Broadcast) -> None:
    shown.end(request.user)
    messages.success(request, _("It has ended, on every page."))


@act
def withdraw(request: Any, shown: Broadcast) -> None:
    shown.withdraw(request.user)
    messages.success(request, _("It is withdrawn: it has left every page, and only staff know of it."))


@transaction.non_atomic_requests
@require_POST
@never_cache
@staff_required
def discard(request: Any, pk: int) -> HttpResponse:
    """Done twice, it is gone all the same."""
    shown = Broadcast.objects.real().filter(pk=pk).first()
    if shown is None:
        return redirect("notifications:broadcasts")
    try:
        shown.discard()
    except WrongState:
        messages.error(request, too_late(shown))
        return redirect("notifications:broadcast", pk)
    messages.success(request, _("The draft is discarded."))
    return redirect("notifications:broadcasts")


@act
def remind(request: Any, shown: Broadcast) -> None:
    """Those who have not said that they have read it."""
    try:
        count = broadcasting.remind(shown, request.user)
    except WrongState:
        messages.error(request, _("Nobody can be reminded of it: it is not running, or asks nobody to confirm."))
        return
    said = ngettext("{count} person is reminded.", "{count} people are reminded.", count)
    messages.success(request, said.format(count=grouped(count)))


def say_published(request: HttpRequest, shown: Broadcast) -> None:
    if shown.state == PUBLISHED:
        count = shown.users().count()
        if not count:
            messages.warning(
                request, _("It is published, and reaches nobody yet: whoever joins while it runs will see it.")
            )
            return
        said = ngettext("It is published, to {count} person.", "It is published, to {count} people.", count)
        messages.success(request, said.format(count=grouped(count)))
    elif shown.state == SCHEDULED and shown.names:
        messages.success(request, _("Its people are being looked up. It is published as soon as that is done."))
    elif shown.state == SCHEDULED:
        messages.success(request, _("It is scheduled, and publishes itself at its start."))


# What the pages need.


def listed() -> "QuerySet[Broadcast]":
    """With the number of named people, counted for those that are shown only: a join would count them for all."""
    named: Any = Broadcast.people.through.objects.filter(broadcast=OuterRef("pk")).order_by().values("broadcast")
    people_count = Coalesce(Subquery(named.annotate(n=Count("pk")).values("n")), 0)
    return Broadcast.objects.real().annotate(people_count=people_count).prefetch_related("groups")


def asks(shown: Broadcast) -> bool:
    return shown.asks_acknowledgement and shown.published_at is not None


def common() -> dict[str, Any]:
    return {"zone": timezone.get_current_timezone_name()}


def seconds_to_undo(shown: Broadcast) -> int:
    if not shown.can_be_undone or shown.published_at is None:
        return 0
    return max(1, int((shown.published_at + UNDO - clock.now()).total_seconds()))


def chart_of(shown: Broadcast, addressed: int) -> dict[str, Any] | None:
    """The share of readers over time, as the points of a line in a box of 100 by 100. None while there is no line."""
    points = readings_of(shown)
    if len(points) < 3:
        return None
    (start, _none), (end, total) = points[0], points[-1]
    span, most = (end - start).total_seconds() or 1, max(addressed, total, 1)
    places = [((at - start).total_seconds() / span * 100, 100 - count / most * 100) for at, count in points]
    steps = [
        f"{x:.1f},{before:.1f} {x:.1f},{y:.1f}"
        for (x, y), before in zip(places, [100.0, *(y for _x, y in places)], strict=False)
    ]
    return {"line": " ".join(steps), "start": start, "end": end, "total": total, "most": most}
