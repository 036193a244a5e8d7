"""Writing a broadcast: the form, its preview, and the people that it suggests. Nothing that was typed is ever lost."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from notifications.forms import BroadcastForm, typed_number
from notifications.models import Audience, Broadcast, BroadcastEvent, Content, EditedMeanwhile, WrongState
from notifications.models.broadcast import DRAFT, PUBLISHED, SCHEDULED
from notifications.models.broadcast_content import described
from notifications.people import SUGGESTIONS, people_like, typed_name

from .answers import staff_required
from .broadcast_sample import panes
from .broadcast_words import FIELDS, grouped, in_words, publish_label, too_late
from .broadcasts import COUNT_TYPED_FROM, common, say_published, staff_page

SESSION_KEY = "belfry_typed"
TYPED_LIMIT = 500_000  # characters of a form that are kept for somebody whose session has run out
SALT = "notifications.broadcast_form"


def keeps_what_was_typed(view: Any) -> Any:
    """A form that comes when the session has run out waits for its author to sign in again."""

    def answer(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not request.user.is_authenticated:
            keep(request)
            return redirect_to_login(request.path)
        return guarded(request, *args, **kwargs)

    guarded = staff_required(view)
    methods = require_http_methods(["GET", "HEAD", "POST"])
    return transaction.non_atomic_requests(methods(never_cache(answer)))


def keep(request: HttpRequest) -> None:
    """Only what somebody who could sign this form has typed: strangers fill no table."""
    typed = request.POST.urlencode()
    author = author_of(request.POST)
    if author is not None and len(typed) <= TYPED_LIMIT:
        request.session[SESSION_KEY] = {"path": request.path, "author": author, "typed": typed}


def typed_before(request: Any) -> QueryDict | None:
    kept = request.session.get(SESSION_KEY)
    if not kept or kept["path"] != request.path:
        return None
    del request.session[SESSION_KEY]
    return QueryDict(kept["typed"]) if kept["author"] == request.user.pk else None


def author_of(form: Any) -> int | None:
    try:
        return signing.loads(form.get("author", ""), salt=SALT)
    except signing.BadSignature:
        return None


# Pages.


@keeps_what_was_typed
def new_broadcast(request: Any) -> HttpResponse:
    if request.method != "POST":
        return opened(request, None)
    form = BroadcastForm(request.POST)
    return answer_form(request, form)


@keeps_what_was_typed
def edit_broadcast(request: Any, pk: int) -> HttpResponse:
    broadcast = get_object_or_404(Broadcast.objects.real(), pk=pk)
    is_over = broadcast.state not in (DRAFT, SCHEDULED, PUBLISHED)
    if request.method == "POST":
        form = BroadcastForm(request.POST, broadcast=broadcast)
        if not is_over:
            return answer_form(request, form)
        form.add_error(None, too_late(broadcast))
        return show(request, form)
    if is_over:
        messages.error(request, too_late(broadcast))
        return redirect(broadcast)
    return opened(request, broadcast)


def opened(request: Any, broadcast: Broadcast | None) -> HttpResponse:
    typed = typed_before(request)
    if typed is None:
        return show(request, BroadcastForm(broadcast=broadcast))
    messages.warning(request, _("Your session had ended. What you had typed is here; it is not saved yet."))
    form = BroadcastForm(typed, broadcast=broadcast)
    return show(request, form)


def answer_form(request: Any, form: BroadcastForm) -> HttpResponse:
    wanted = request.POST.get("do", "save")
    if wanted == "preview" or not form.is_valid():
        return show(request, form)
    if wanted == "trial":
        Broadcast.send_trial(form.content, request.user)
        messages.success(request, _("It is on its way to you alone, and goes away after ten minutes."))
        return show(request, form)
    if is_for_others(form, wanted) and not is_number_right(form):
        return show(request, form)
    try:
        return save(request, form, wanted)
    except WrongState:
        assert form.broadcast is not None
        form.add_error(None, too_late(form.broadcast))
        return show(request, form)


class Conflict(Exception):
    """It stands otherwise in the database, and not by this form."""

    def __init__(self, broadcast: Broadcast):
        super().__init__("The broadcast was saved otherwise meanwhile.")
        self.broadcast = broadcast


def save(request: Any, form: BroadcastForm, wanted: str) -> HttpResponse:
    try:
        broadcast = rewritten(request.user, form, form.broadcast) if form.broadcast else drafted(request.user, form)
    except Conflict as conflict:
        return show_conflict(request, form, conflict.broadcast)
    if wanted != "publish":
        is_draft = broadcast.state == DRAFT
        messages.success(request, _("The draft is saved.") if is_draft else _("Your changes are saved."))
    elif broadcast.state == DRAFT:
        broadcast.publish(request.user)
        say_published(request, broadcast)
    return redirect(broadcast)


def drafted(author: Any, form: BroadcastForm) -> Broadcast:
    """A new one; or the same one again, from another tab or after going back."""
    broadcast = Broadcast.draft(form.content, author, key=form.broadcast_key)
    if differences(form.content, broadcast):
        raise Conflict(broadcast)
    return broadcast


def rewritten(editor: Any, form: BroadcastForm, broadcast: Broadcast) -> Broadcast:
    typed = form.cleaned_data
    try:
        broadcast.rewrite(form.content, editor, version=typed["version"] or 0, show_again=typed["show_again"])
    except EditedMeanwhile:
        broadcast = Broadcast.objects.get(pk=broadcast.pk)
        if differences(form.content, broadcast):
            raise Conflict(broadcast) from None
    return broadcast


def show(request: Any, form: BroadcastForm, status: int = 200, **more: Any) -> HttpResponse:
    broadcast = form.broadcast
    context = {
        "form": form,
        "b": broadcast,
        "author": signing.dumps(request.user.pk, salt=SALT),
        "page_title": _("Edit the broadcast") if broadcast else _("New broadcast"),
        **preview_of(form),
        **more,
    }
    return render(request, "notifications/broadcasts/form.html", context, status=status)


def show_conflict(request: Any, form: BroadcastForm, broadcast: Broadcast) -> HttpResponse:
    """Somebody else was quicker. What was typed stays in the form; saving it again is done knowingly."""
    typed = request.POST.copy()
    typed["version"] = str(broadcast.version)
    form = BroadcastForm(typed, broadcast=broadcast)
    return show(request, form, conflict=broadcast.last_edit, differences=differences(form.content, broadcast))


def differences(content: Content, broadcast: Broadcast) -> list[dict[str, Any]]:
    """What is saved otherwise than it was typed."""
    mine, theirs = described(normal(content)), described(normal(broadcast.content))
    if broadcast.state not in (DRAFT, SCHEDULED) or mine["starts_at"] is None:
        mine["starts_at"] = theirs["starts_at"] = None  # at once: that moment stands there since
    return [
        {"label": FIELDS[name], "theirs": in_words(name, theirs[name])} for name in FIELDS if mine[name] != theirs[name]
    ]


def normal(content: Content) -> Content:
    names = sorted(set(content.names)) if content.audience == Audience.PEOPLE else ()
    groups = sorted(content.groups, key=str) if content.audience == Audience.GROUPS else ()
    return Content(**{**content.columns(), "title": content.title.strip()}, names=names, groups=groups)


# Many people.


def is_for_others(form: BroadcastForm, wanted: str) -> bool:
    """Whether it would go to people who have not had it: then the number of many must be typed."""
    broadcast = form.broadcast
    if broadcast is None or broadcast.state == DRAFT:
        return wanted == "publish"
    mine, theirs = normal(form.content), normal(broadcast.content)
    return (mine.audience, mine.groups, mine.names) != (theirs.audience, theirs.groups, theirs.names)


def is_number_right(form: BroadcastForm) -> bool:
    typed, count = typed_number(form.cleaned_data["count"]), form.content.reach()[0]
    if typed == count or count < COUNT_TYPED_FROM:
        return True
    if typed is None:
        said = _("It would reach {count} people. Type this number if that is meant.")
    else:
        said = _("It would reach {count} people, and {typed} was typed. Type the number that is meant.")
    form.add_error("count", said.format(count=grouped(count), typed=grouped(typed or 0)))
    return False


# The preview.


@transaction.non_atomic_requests
@require_POST
@never_cache
@staff_required
def preview_broadcast(request: Any) -> HttpResponse:
    """What the form would say, to whom and when: pieces for the page in which it is being written."""
    pk = request.POST.get("broadcast", "")
    broadcast = Broadcast.objects.real().filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 18 else None
    form = BroadcastForm(request.POST, broadcast=broadcast)
    return render(request, "notifications/broadcasts/preview.html", {"form": form, **preview_of(form)})


def preview_of(form: BroadcastForm) -> dict[str, Any]:
    content = form.content
    reach, online = content.reach()
    return {
        "panes": panes(content),
        "content": content,
        "reach": reach,
        "online": online,
        "asks_number": reach >= COUNT_TYPED_FROM and is_for_others(form, "publish"),
        "publish_label": publish_label(content, reach),
        "problems": {name: form.errors.get(name) for name in ("starts_at", "ends_at")} if form.is_bound else {},
        "edited": edited_meanwhile(form),
        **common(),
    }


def edited_meanwhile(form: BroadcastForm) -> BroadcastEvent | None:
    """What somebody else has done to it since this form was opened."""
    if form.broadcast is None or not form.is_bound or form.typed.get("version") == form.broadcast.version:
        return None
    return form.broadcast.last_edit


@staff_page
def find_people(request: Any) -> HttpResponse:
    """Whom somebody may mean who types parts of a name."""
    words = typed_name(request.GET.get("q", ""))
    people = people_like(words, "email")[:SUGGESTIONS]
    return render(request, "notifications/broadcasts/_people.html", {"people": people, "words": words})
