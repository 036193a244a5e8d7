"""Saying something, and what can be done with one message."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from notifications import thread_lists as lists
from notifications import threads
from notifications.models import Message, Thread
from notifications.models.draft import KEY, random_key
from notifications.thread_forms import REFUSALS, once, why_not

from .answers import act, answer_act, page, refuse
from .threads import TALK, newest, thread_of, why_silent


@act
def say(request: Any, pk: int) -> HttpResponse:
    thread, text = thread_of(request, pk), request.POST.get("text", "")
    try:
        said = threads.say(request.user, thread, text, key=once(request.POST.get("key", ""), text))
    except REFUSALS as error:
        problem = refuse_here(request, error)
        return problem or newest(request, thread_of(request, pk), 422, typed=text, problem=why_not(error))
    return answer_said(request) if request.htmx else HttpResponseRedirect(lists.address_of(thread, said.number))


def answer_said(request: Any) -> HttpResponse:
    """The page's form gets a new key: it says something else next. A reply in place says that it was sent, and what it
    replies to is read."""
    if KEY.fullmatch(replied := request.POST.get("to", "")):
        request.inbox.mark_read(replied)
        return answer_act(request, done(_("Sent.")))
    key = render_to_string("notifications/threads/_key.html", {"key": random_key(), "oob": True})
    return answer_act(request, more=key)


@page
def reply(request: Any, pk: int) -> HttpResponse:
    """Answering in the place where a notification of it stands; without scripts, in the thread."""
    thread = thread_of(request, pk)
    if not request.htmx:
        return HttpResponseRedirect(thread.get_absolute_url())
    context = {
        "thread": thread,
        "thread_title": thread.title_for(request.inbox),
        "silence": why_silent(request, thread),
        "to": request.GET.get("to", ""),
        "key": random_key(),
    }
    return render(request, "notifications/threads/_reply.html", context)


# One message.


@page
def message(request: Any, pk: int, number: int) -> HttpResponse:
    return shown(request, message_of(request, pk, number, is_shown=True))


@act
def edit_message(request: Any, pk: int, number: int) -> HttpResponse:
    message, text = message_of(request, pk, number), request.POST.get("text", "")
    try:
        threads.edit(request.user, message, text)
    except REFUSALS as error:
        return refuse_here(request, error) or shown(request, message, 422, typed=text, problem=why_not(error))
    return answer_act(request, done(_("Saved.")))


@act
def retract_message(request: Any, pk: int, number: int) -> HttpResponse:
    try:
        threads.retract(request.user, message_of(request, pk, number))
    except REFUSALS as error:
        return refuse_here(request, error) or refuse(request, why_not(error))
    return answer_act(request, done(_("Taken back.")))


@act
def report_message(request: Any, pk: int, number: int) -> HttpResponse:
    try:
        threads.report(request.user, message_of(request, pk, number), request.POST.get("reason", ""))
    except REFUSALS as error:
        return refuse_here(request, error) or refuse(request, why_not(error))
    return answer_act(request, done(_("Thank you. Staff will look at it.")))


def shown(request: Any, message: Message, status: int = 200, **typed: Any) -> HttpResponse:
    """In the page that asks for it, or as a page of its own."""
    thread: Thread = message.thread
    place = lists.address_of(thread, message.number)
    is_own = message.author_id == request.user.pk
    context = {
        "m": message,
        "thread": thread,
        "thread_title": thread.title_for(request.inbox),
        "page_title": _("Message"),
        "page_address": message.get_absolute_url(),
        "place": place,
        "link": request.build_absolute_uri(place),
        "is_own": is_own,
        "may_retract": is_own or thread.may_be_kept_by(request.user),
        "typed": message.body,
        **typed,
        **TALK,
    }
    return render(request, f"notifications/threads/{'_one' if request.htmx else 'one'}.html", context, status=status)


def message_of(request: Any, pk: int, number: int, *, is_shown: bool = False) -> Message:
    """404 where the reader may not open its thread. What is done twice finds a message that was taken back, too."""
    messages = thread_of(request, pk).messages.with_faces()
    return get_object_or_404(messages.shown() if is_shown else messages, number=number)


def refuse_here(request: Any, error: Exception) -> HttpResponse | None:
    """Beside the field that was filled in, whose text stays; without scripts the whole page has to say it."""
    if not request.htmx:
        return None
    return render(request, "notifications/threads/_problem.html", {"problem": why_not(error)}, status=422)


def done(said: str) -> str:
    return render_to_string("notifications/_done.html", {"said": said})
