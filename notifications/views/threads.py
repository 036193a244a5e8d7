"""Conversations: the reader's list of them, and the page of one, be it of two people or a room."""

from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from notifications import telling
from notifications import thread_lists as lists
from notifications.live.positions import number
from notifications.models import Thread
from notifications.models.draft import random_key
from notifications.models.follow import ROOM_START
from notifications.search import QUERY_LIMIT
from notifications.threads import NotAllowed, check_may_write

from .answers import page

TALK = {"is_talk": True}  # for the header: where the reader is


@page
def threads(request: Any) -> HttpResponse:
    context = {"threads": lists.threads_of(request.inbox), "page_title": _("Conversations"), **TALK}
    return render(request, f"notifications/threads/{'_list' if request.htmx else 'list'}.html", context)


@page
def rooms(request: Any) -> HttpResponse:
    words = request.GET.get("q", "").replace("\x00", "")[:QUERY_LIMIT]
    found = lists.with_member_counts(lists.rooms_to_find(request.inbox, words))
    context = {"rooms": found, "words": words, "page_title": _("Rooms"), **TALK}
    return render(request, "notifications/threads/rooms.html", context)


@transaction.non_atomic_requests
@page
def room(request: Any, name: str) -> HttpResponse:
    rooms = Thread.objects.open_to(request.inbox).rooms()
    return shown(request, get_object_or_404(rooms, topic=ROOM_START + name))


@transaction.non_atomic_requests
@page
def thread(request: Any, pk: int) -> HttpResponse:
    found = thread_of(request, pk)
    return HttpResponseRedirect(found.get_absolute_url()) if found.is_room else shown(request, found)


def shown(request: Any, thread: Thread) -> HttpResponse:
    if "q" in request.GET:
        return found(request, thread)
    return older(request, thread) if "before" in request.GET else newest(request, thread)


def newest(request: Any, thread: Thread, status: int = 200, **typed: Any) -> HttpResponse:
    """The live page. The thread's positions were read with it, and the messages after them: what commits in between
    comes by the socket. Whoever opens it has read what it shows."""
    context = {**live_page(thread), **around(request, thread), **typed}
    telling.note_readings(thread, [request.inbox.pk], thread.last_number)
    request.inbox.refresh_from_db()
    return render(request, "notifications/threads/thread.html", context, status=status)


def older(request: Any, thread: Thread) -> HttpResponse:
    before = number(request.GET["before"])
    if before is None:
        raise Http404("There is no such page of the thread.")
    shown = lists.page_of_messages(thread, before)
    context = {"rows": shown.rows, "older_url": shown.older_url, "first": shown.first, "revision": thread.revision}
    if request.htmx:
        return render(request, "notifications/threads/older.html", context)
    return render(request, "notifications/threads/past.html", {**context, **around(request, thread)})


def found(request: Any, thread: Thread) -> HttpResponse:
    words = request.GET["q"].replace("\x00", "")[:QUERY_LIMIT]
    messages = lists.found_in(thread, words) if words.strip() else ()
    hits = [{"m": one, "url": lists.address_of(thread, one.number)} for one in messages]
    context = {"hits": hits, "words": words, **around(request, thread)}
    return render(request, "notifications/threads/found.html", context)


def live_page(thread: Thread) -> dict[str, Any]:
    """The newest messages, who is there, and the positions of both."""
    shown = lists.page_of_messages(thread)
    here, here_stamp = lists.here_in(thread)
    return {
        "rows": shown.rows,
        "older_url": shown.older_url,
        "here": here,
        "here_stamp": here_stamp,
        "page_thread": thread,
        "page_address": thread.get_absolute_url(),
        "thread_first": shown.first,
        "thread_revision": thread.revision,
        "thread_last": thread.last_number,
        "key": random_key(),
    }


def around(request: Any, thread: Thread) -> dict[str, Any]:
    """What stands around the messages: whose thread it is, and what this reader can do with it."""
    follow = thread.follows.filter(inbox=request.inbox).first()
    return {
        "thread": thread,
        "member_count": thread.follows.count(),
        "face": lists.face_of(thread, request.inbox),
        "thread_title": thread.title_for(request.inbox),
        "page_title": thread.title_for(request.inbox),
        "follow": follow,
        "levels": lists.level_choices(follow.level if follow else ""),
        "may_keep": thread.may_be_kept_by(request.user),
        "is_blocked": is_blocked(request, thread),
        "silence": why_silent(request, thread),
        **TALK,
    }


def is_blocked(request: Any, thread: Thread) -> bool:
    """Whether this reader has blocked the other one."""
    other = None if thread.is_room else thread.other(request.inbox)
    return other is not None and request.inbox.blocks.filter(user=other.user_id).exists()


def why_silent(request: Any, thread: Thread) -> str:
    """Why this reader can write nothing there; empty where they can."""
    if thread.is_room:
        return ""
    try:
        check_may_write(request.inbox, thread.other(request.inbox))
    except NotAllowed as error:
        return str(error)
    return ""


def thread_of(request: Any, pk: int) -> Thread:
    """404 for what this reader may not open, as for what there is not."""
    threads = Thread.objects.open_to(request.inbox).select_related("low__user", "high__user")
    return get_object_or_404(threads, pk=pk)
