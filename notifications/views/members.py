"""Who is in a thread, how much of it they want to be told, and who is to stay away."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications import thread_lists as lists
from notifications import threads
from notifications.models import Inbox, Level, Thread
from notifications.thread_forms import InvitationForm
from notifications.threads import NotAllowed

from .answers import act, page, refuse
from .threads import around, thread_of


@page
def members(request: Any, pk: int) -> HttpResponse:
    return shown(request, room_of(request, pk), InvitationForm())


def shown(request: Any, room: Thread, form: InvitationForm, status: int = 200) -> HttpResponse:
    members = lists.members_of(room)[: lists.MEMBERS_SHOWN]
    inside = [{"inbox": one, "person": lists.person_of(one.user)} for one in members]
    standing = around(request, room)
    context = {
        **standing,
        "members": inside,
        "more": standing["member_count"] - len(inside),
        "form": form,
        "page_title": _("People in {room}").format(room=room.title),
        "page_address": reverse("notifications:members", args=[room.pk]),
    }
    return render(request, "notifications/threads/members.html", context, status=status)


@act
def invite(request: Any, pk: int) -> HttpResponse:
    room, form = room_of(request, pk), InvitationForm(request.POST)
    count = form.send(request.user, room) if form.is_valid() else None
    if count is None:
        return shown(request, room, form, 422)
    messages.success(request, said_of_invited(count))
    return redirect("notifications:members", room.pk)


def said_of_invited(count: int) -> str:
    if not count:
        return _("Nobody is new in here: they are here already, or want nothing from you.")
    return ngettext(
        "{n} person is in here now, and was told.", "{n} people are in here now, and were told.", count
    ).format(n=count)


@act
def dismiss_member(request: Any, pk: int, inbox_id: int) -> HttpResponse | None:
    room = room_of(request, pk)
    try:
        threads.dismiss(request.user, room, get_object_or_404(Inbox, pk=inbox_id))
    except NotAllowed as error:
        return refuse(request, error)
    return None


@act
def join_room(request: Any, pk: int) -> HttpResponse:
    room = room_of(request, pk)
    try:
        threads.join(request.user, room)
    except NotAllowed as error:
        return refuse(request, error)
    return HttpResponseRedirect(room.get_absolute_url())


@act
def leave_room(request: Any, pk: int) -> HttpResponse:
    room = room_of(request, pk)
    threads.leave(request.user, room)
    messages.success(request, _("You have left “{room}”.").format(room=room.title))
    return redirect("notifications:threads")


@act
def choose_level(request: Any, pk: int) -> HttpResponse | None:
    thread, level = thread_of(request, pk), request.POST.get("level", "")
    if level not in Level.values:
        return refuse(request, _("Choose how much you want to hear: everything, mentions only, or nothing."))
    thread.choose(request.inbox, level)
    return None


# Somebody from whom one wants nothing.


@act
def block_reader(request: Any, pk: int) -> None:
    threads.block(request.user, other_in(request, pk).user)


@act
def unblock_reader(request: Any, pk: int) -> None:
    threads.unblock(request.user, other_in(request, pk).user)


def other_in(request: Any, pk: int) -> Inbox:
    """The other one in a thread of two; 404 where there is none."""
    thread = thread_of(request, pk)
    other = None if thread.is_room else thread.other(request.inbox)
    if other is None:
        raise Http404("There is no other one in this thread.")
    return other


def room_of(request: Any, pk: int) -> Thread:
    """404 for a room that this reader may not open, and for a thread of two."""
    thread = thread_of(request, pk)
    if not thread.is_room:
        raise Http404("This is no room.")
    return thread
