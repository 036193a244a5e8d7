"""Talking: what somebody may do in threads. Who may not is told why, in words for them; nothing is written then."""

import re
from dataclasses import replace
from hashlib import blake2s
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from . import telling
from .mentions import mentioned_in
from .models import Block, Inbox, Message, MessageContent, Report, Thread
from .models.allowance import INVITATIONS, MESSAGES, NEW_ROOMS, NEW_THREADS, REPORTS, Allowance
from .models.draft import random_key
from .models.face import display_name
from .models.follow import ROOM_START
from .models.message import is_visible
from .models.report import REASON_LIMIT
from .models.thread import ABOUT_LIMIT, NAME, TITLE_LIMIT, NotInside

DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # they would turn what stands beside a title


class NotAllowed(Exception):
    """What somebody may not do. The text says why."""


def content_of(text: str) -> MessageContent:
    """Raises InvalidMessage."""
    checked = MessageContent(text)  # before its names are looked up, which may be as many as it is long
    return replace(checked, mentioned=mentioned_in(checked.text))


# Saying something.


def write_to(author: Any, recipient: Any, text: str, *, key: str = "") -> Message:
    """To one person: in the thread of these two, which begins with it. Raises InvalidMessage, NotAllowed or TooFast."""
    content = content_of(text)
    mine, theirs = Inbox.objects.of(author), Inbox.objects.of(recipient)
    if mine == theirs:
        raise NotAllowed(_("Choose somebody else to write to."))
    check_may_write(mine, theirs)
    thread = Thread.objects.between(mine, theirs)
    if thread is None:
        Allowance.spend(mine.pk, NEW_THREADS)
    elif found := said_before(author, thread, key):
        return found
    Allowance.spend(mine.pk, MESSAGES)
    return post(mine, thread or Thread.begin(mine, theirs), content, key)


def say(author: Any, thread: Thread, text: str, *, key: str = "") -> Message:
    """In a thread. The same key again says nothing twice. Raises InvalidMessage, NotAllowed or TooFast."""
    content = content_of(text)
    mine = Inbox.objects.of(author)
    if not thread.is_room:
        check_may_write(mine, thread.other(mine))
    if found := said_before(author, thread, key):
        return found
    Allowance.spend(mine.pk, MESSAGES)
    return post(mine, thread, content, key)


def said_before(author: Any, thread: Thread, key: str) -> Message | None:
    return thread.messages.filter(author=author, key=key).first() if key else None


def post(mine: Inbox, thread: Thread, content: MessageContent, key: str) -> Message:
    try:
        message = thread.post(mine, content, key or random_key())
    except NotInside:
        raise NotAllowed(left()) from None
    telling.tell_soon(thread, message)
    return message


def left() -> str:
    return _("You are not in this room any more.")


def check_may_write(mine: Inbox, theirs: Inbox | None) -> None:
    users: Any = get_user_model()
    if theirs is None or not users._default_manager.filter(pk=theirs.user_id, is_active=True).exists():
        raise NotAllowed(_("This person has left, and can read nothing any more."))
    if mine.blocks.filter(user=theirs.user_id).exists():
        raise NotAllowed(_("You have blocked {name}. Unblock them to write.").format(name=display_name(theirs.user)))
    if theirs.blocks.filter(user=mine.user_id).exists():
        raise NotAllowed(_("You cannot write to {name}.").format(name=display_name(theirs.user)))


def edit(author: Any, message: Message, text: str) -> None:
    """One's own, as long as one may write there. Raises InvalidMessage, NotAllowed or TooFast."""
    content = content_of(text)
    if message.author_id != author.pk or message.retracted_at:
        raise NotAllowed(_("Only its author can change a message, while it is there."))
    mine, thread = Inbox.objects.of(author), message.thread
    if not thread.is_room:
        check_may_write(mine, thread.other(mine))
    Allowance.spend(mine.pk, MESSAGES)
    try:
        is_there = thread.edit(message, content, mine)
    except NotInside:
        raise NotAllowed(left()) from None
    if is_there:
        message.refresh_from_db()
        telling.tell_of_edit(message)


def retract(user: Any, message: Message) -> None:
    """One's own; in a room, its keeper takes back everybody's. What was said is gone for good."""
    if message.author_id != user.pk and not message.thread.may_be_kept_by(user):
        raise NotAllowed(_("Only its author can take a message back."))
    take_back(message)


def take_back(message: Message) -> None:
    """By whoever may. Done once more, it does what was left undone."""
    message.thread.retract(message)
    telling.take_back(message)


# Rooms.


def start_room(keeper: Any, title: str, *, about: str = "", is_open: bool = True) -> Thread:
    """Raises NotAllowed where there is such a room, or TooFast."""
    mine, title = Inbox.objects.of(keeper), check_title(title)
    name = name_of_room(title)
    if Thread.objects.filter(topic=ROOM_START + name).exists():
        raise NotAllowed(taken(name))
    Allowance.spend(mine.pk, NEW_ROOMS)
    try:
        with transaction.atomic():
            return Thread.make_room(name, title, mine, about=about.strip()[:ABOUT_LIMIT], is_open=is_open)
    except IntegrityError:
        raise NotAllowed(taken(name)) from None


def taken(name: str) -> str:
    return _("There is a room of the name “{name}” already.").format(name=name)


def name_of_room(title: str) -> str:
    """As it stands in the address: "Ops & Deploys" is "ops-deploys". Of one without Latin letters it is a digest, so
    that the same title is the same room."""
    name = slugify(title)[:60].strip("-")
    return name if NAME.fullmatch(name) else f"room-{blake2s(title.encode(), digest_size=5).hexdigest()}"


def check_title(title: str) -> str:
    title = " ".join(DIRECTIONS.sub("", title).split())
    if not is_visible(title) or len(title) > TITLE_LIMIT or "\x00" in title:
        raise NotAllowed(_("A room has a name of at most {limit} characters.").format(limit=TITLE_LIMIT))
    return title


def change_room(user: Any, room: Thread, *, title: str, about: str, is_open: bool) -> None:
    if not room.may_be_kept_by(user):
        raise NotAllowed(_("Only who keeps this room can change it."))
    room.rewrite(title=check_title(title), about=about.strip()[:ABOUT_LIMIT], is_open=is_open)
    telling.close_to_outsiders(room)


def invite(member: Any, room: Thread, people: list[Any]) -> int:
    """Into a room, by somebody who is in it. How many are new there. Raises NotAllowed or TooFast."""
    mine = Inbox.objects.of(member)
    if not room.is_room or not room.follows.filter(inbox=mine).exists():
        raise NotAllowed(_("Only who is in a room can invite others."))
    Allowance.spend(mine.pk, INVITATIONS)
    blocking = set(Block.objects.filter(user=member).values_list("inbox__user_id", flat=True))
    wanted = [person.pk for person in people if person.is_active and person.pk not in blocking]
    inside = set(room.follows.filter(inbox__user__in=wanted).values_list("inbox__user_id", flat=True))
    inbox_ids = Inbox.objects.of_users(pk for pk in wanted if pk not in inside)
    if not inbox_ids:
        return 0
    with room.change():
        count = room.take_in(inbox_ids)
        telling.tell_of_invitation(room, member, inbox_ids)
    return count


def join(user: Any, room: Thread) -> None:
    """An open room."""
    try:
        room.join(Inbox.objects.of(user))
    except NotInside:
        raise NotAllowed(_("This room is by invitation.")) from None


def leave(user: Any, room: Thread) -> None:
    """A thread of two is not left, but can be muted."""
    if room.is_room:
        room.let_go(Inbox.objects.of(user))
        telling.close_to_outsiders(room)


def dismiss(keeper: Any, room: Thread, inbox: Inbox) -> None:
    """Somebody, from a room, by who keeps it."""
    if not room.may_be_kept_by(keeper):
        raise NotAllowed(_("Only who keeps this room can do that."))
    room.let_go(inbox)
    telling.close_to_outsiders(room)


# People who harm.


def block(reader: Any, user: Any) -> None:
    inbox = Inbox.objects.of(reader)
    if user.pk != reader.pk:
        Block.objects.get_or_create(inbox=inbox, user=user)


def unblock(reader: Any, user: Any) -> None:
    Inbox.objects.of(reader).blocks.filter(user=user).delete()


def report(reporter: Any, message: Message, reason: str = "") -> Report:
    """Tell staff of a message, once. Raises NotAllowed or TooFast."""
    if message.retracted_at:
        raise NotAllowed(_("This message was taken back already."))
    if message.author_id == reporter.pk:
        raise NotAllowed(_("This is your own message: you can take it back."))
    found = Report.objects.filter(message=message, reporter=reporter).first()
    if found is not None:
        return found
    Allowance.spend(Inbox.objects.of(reporter).pk, REPORTS)
    with transaction.atomic():
        made, is_new = Report.objects.get_or_create(
            message=message,
            reporter=reporter,
            defaults={
                "reporter_name": display_name(reporter),
                "author_name": message.author_name,
                "where": message.thread.title,
                "body": message.body,
                "reason": reason.replace("\x00", "").strip()[:REASON_LIMIT],
            },
        )
        if is_new:
            telling.tell_staff(made)
    return made
