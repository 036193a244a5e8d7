"""How acts are answered, and who may act."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from notifications.broadcasting import may_broadcast
from notifications.live.frames import frames_for
from notifications.live.job_frames import job_frames_for
from notifications.live.job_positions import JobPosition
from notifications.live.positions import Position, number
from notifications.live.thread_frames import thread_frame
from notifications.live.thread_positions import ThreadPosition
from notifications.models import Noticeboard, Undo

View = Callable[..., HttpResponse]
Act = Callable[..., HttpResponse | None]


def reader_required(view: View) -> View:
    """Strangers are led to the sign-in page; a fragment of a page whose reader has signed out says so in that page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.htmx and not request.user.is_authenticated:  # type: ignore[attr-defined]
            return render(request, "notifications/_signed_out.html", {"oob": True})
        if request.method == "POST" and not request.user.is_authenticated:
            return redirect_to_login(way_back(request))
        return login_required(view)(request, *args, **kwargs)

    return guarded


def page(view: View) -> View:
    """A GET for signed-in readers, never kept by a cache: the back button must not show an old inbox."""
    return require_safe(never_cache(reader_required(view)))


def act(view: Act) -> View:
    """A POST that changes something for the signed-in reader. Changes are transactions of their own."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs) or answer_act(request)

    return transaction.non_atomic_requests(require_POST(never_cache(reader_required(answer))))


def form_page(view: View) -> View:
    """A GET that shows a form, and the POST that sends it."""
    methods = require_http_methods(["GET", "HEAD", "POST"])
    return transaction.non_atomic_requests(methods(never_cache(reader_required(view))))


def staff_required(view: View) -> View:
    """Strangers are led to the sign-in page; for readers who may not broadcast there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_broadcast(request.user):
            raise Http404("There is no such page for this reader.")
        return view(request, *args, **kwargs)

    return reader_required(guarded)


def answer_act(request: HttpRequest, said: str = "", more: str = "") -> HttpResponse:
    """After an act: nothing where the socket brings the change, the change itself where there is none, and without
    JavaScript the page that it came from.

    ``said`` is what its reader is told, as HTML; where a page has scripts it goes to ``#undo``. ``more`` is what else
    such a page takes.
    """
    if not request.htmx:  # type: ignore[attr-defined]
        if said:
            messages.success(request, said)
        return HttpResponseRedirect(way_back(request))
    answer = f'<hx-partial hx-target="#undo" hx-swap="innerHTML">{said}</hx-partial>{more}' if said else more
    if request.POST.get("live") != "on":
        return HttpResponse(frame_of(request, request.POST) + answer)
    return HttpResponse(answer) if answer else HttpResponse(status=204)


def offer_undo(request: HttpRequest, undo: Undo, until: datetime | None = None) -> HttpResponse:
    """The answer to an act that can be taken back. An act that changed nothing has nothing to offer."""
    if not undo.count:
        return answer_act(request)
    return answer_act(request, render_to_string("notifications/_undo.html", {"undo": undo, "until": until}, request))


def refuse(request: HttpRequest, why: object) -> HttpResponse:
    """Something in the form was not as it should be: say what was expected. Nothing was changed."""
    if not request.htmx:  # type: ignore[attr-defined]
        messages.error(request, str(why))
        return HttpResponseRedirect(way_back(request))
    said = render_to_string("notifications/_refused.html", {"why": why}, request)
    return HttpResponse(f'<hx-partial hx-target="#alerts" hx-swap="innerHTML">{said}</hx-partial>')


def changes_for(request: HttpRequest, form: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(frame_of(request, form))


def frame_of(request: HttpRequest, form: Mapping[str, Any]) -> str:
    """The frame that a page at the position of this form lacks."""
    inbox = request.inbox  # type: ignore[attr-defined]
    noticeboard = Noticeboard.current()
    position = Position.from_form(form, noticeboard.epoch)
    known = (noticeboard.epoch, noticeboard.revision)
    jobs = JobPosition.from_form(form, inbox.pk, request.user.pk)
    html = frames_for({inbox.pk: {position}}, known)[inbox.pk][position].html + job_frames_for({jobs})[jobs].html
    thread = ThreadPosition.from_form(form, noticeboard.epoch)
    return html + thread_frame(thread, inbox.pk).html if thread.thread_id else html


def way_back(request: HttpRequest) -> str:
    """The page that the form stood on, when it is one of ours."""
    next_url = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(next_url, {request.get_host()}, request.is_secure()):
        return next_url
    return reverse("notifications:inbox")


def position_of(request: HttpRequest) -> dict[str, int]:
    """The revisions of inbox and board that the reader's page showed, for the acts on all. An unknown one is 0: then
    nothing is touched that they may not have seen."""
    return {"upto": number(request.POST.get("since")) or 0, "board": number(request.POST.get("board")) or 0}
