"""Beginning a conversation, and making a room."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from notifications.models import Inbox, Thread
from notifications.people import reader_named, readers_like, typed_name
from notifications.thread_forms import LetterForm, RoomForm

from .answers import form_page, page
from .members import room_of
from .threads import TALK


@form_page
def new_thread(request: Any) -> HttpResponse:
    form = LetterForm(request.POST if request.method == "POST" else None, to=typed_name(request.GET.get("to", "")))
    if form.is_valid() and (said := form.send(request.user)):
        return redirect(said.thread)
    if not form.is_bound and (there := thread_with(request.inbox, request.GET.get("to", ""))):
        return redirect(there)
    context = {"form": form, "page_title": _("Write to someone"), **TALK}
    return render(request, "notifications/threads/new.html", context, status=422 if form.is_bound else 200)


def thread_with(inbox: Inbox, name: str) -> Thread | None:
    """The one that there is with them already."""
    other = reader_named(typed_name(name)) if name else None
    theirs = Inbox.objects.filter(user=other).first() if other else None
    if theirs is None:
        return None
    low, high = sorted([inbox.pk, theirs.pk])
    return Thread.objects.filter(low=low, high=high).first()


@page
def find_reader(request: Any) -> HttpResponse:
    """Whom somebody may mean who types parts of a name."""
    words = typed_name(request.GET.get("q", ""))
    context = {"people": readers_like(words, request.inbox), "words": words}
    return render(request, "notifications/threads/_people.html", context)


@form_page
def new_room(request: Any) -> HttpResponse:
    form = RoomForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and (room := form.start(request.user)):
        return redirect(room)
    context = {"form": form, "page_title": _("New room"), **TALK}
    return render(request, "notifications/threads/room_form.html", context, status=422 if form.is_bound else 200)


@form_page
def edit_room(request: Any, pk: int) -> HttpResponse:
    room = room_of(request, pk)
    if not room.may_be_kept_by(request.user):
        raise Http404("Only who keeps a room can change it.")
    form = RoomForm(request.POST if request.method == "POST" else None, room=room)
    if form.is_valid() and form.change(request.user, room):
        return redirect(room)
    context = {"form": form, "room": room, "page_title": _("Edit the room"), **TALK}
    return render(request, "notifications/threads/room_form.html", context, status=422 if form.is_bound else 200)
