from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import ngettext

from notifications import broadcasting, categories
from notifications.live import push
from notifications.models import Broadcast, Content, InvalidBroadcast
from notifications.models.broadcast import SCHEDULED
from notifications.models.broadcast_content import PLACEMENTS, YEARS

#: Where a mistake of the content was made.
OPTIONS = {
    "title": "TITLE",
    "groups": "--audience",
    "names": "--audience",
    "starts_at": "--starts",
    "ends_at": "--ends",
}


class Command(BaseCommand):
    help = "Say something to everyone, to staff, to groups or to named people; or take it back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("title", nargs="?", default="", help="at most 200 characters")
        parser.add_argument("--body", default="", help="Markdown, at most 4,000 characters")
        parser.add_argument("--url", default="", help="an http(s) link, or a path of this site")
        parser.add_argument("--level", default="info", help=", ".join(categories.LEVELS))
        parser.add_argument("--placement", default="inbox", help=", ".join(PLACEMENTS))
        parser.add_argument(
            "--audience",
            action="append",
            help="everyone (the default), staff, group:NAME or user:NAME; the last two may be given several times",
        )
        parser.add_argument("--starts", default="", help="such as 2026-11-22T10:00, in the site's zone or with one")
        parser.add_argument("--ends", default="", help="the same")
        parser.add_argument("--not-dismissible", action="store_true", help="its banner stays until it ends")
        parser.add_argument("--acknowledge", action="store_true", help="readers confirm that they have read it")
        parser.add_argument("--author", default="", help="the user name of who says it")
        parser.add_argument("--key", default="", help="the same key again says nothing a second time")
        parser.add_argument("--dry-run", action="store_true", help="check it, and say how many it would reach")
        parser.add_argument("--end", type=int, metavar="ID", help="end this one now")
        parser.add_argument("--withdraw", type=int, metavar="ID", help="take it back; before its start, cancel it")

    def handle(self, **options: Any) -> None:
        acts = [name for name in ("title", "end", "withdraw") if options[name] not in ("", None)]
        if len(acts) != 1:
            raise CommandError("Give either a title, or --end ID, or --withdraw ID.")
        try:
            said = self.say(**options) if acts == ["title"] else self.stop(acts[0], options[acts[0]], options["author"])
        except InvalidBroadcast as error:
            raise CommandError(" ".join(mistakes(error))) from error
        except ValueError as error:  # a wrong state, a key that is taken
            raise CommandError(str(error)) from error
        push.flush()
        self.stdout.write(said)

    def say(self, **options: Any) -> str:
        content: dict[str, Any] = {name: options[name] for name in ("title", "body", "url", "level", "placement")}
        content |= {"is_dismissible": not options["not_dismissible"], "asks_acknowledgement": options["acknowledge"]}
        content |= {f"{name}_at": moment_of(f"--{name}", options[name]) for name in ("starts", "ends")}
        audience, author = options["audience"] or "everyone", user_of(options["author"])
        if options["dry_run"]:
            checked = Content(**content, **broadcasting.audience_of(audience))
            checked.check()
            return f"It would reach {people(checked.reach())}."
        broadcast = broadcasting.broadcast(audience=audience, author=author, key=options["key"], **content)
        reached = people(broadcast.content.reach())
        waits = broadcast.state == SCHEDULED and broadcast.starts_at and not broadcast.names
        when = f" from {timezone.localtime(broadcast.starts_at):%Y-%m-%d %H:%M %Z} on" if waits else ""
        return f"It {'reaches' if not when else 'will reach'} {reached}{when}: {broadcast.get_absolute_url()}"

    def stop(self, verb: str, pk: int, author: str) -> str:
        broadcast = Broadcast.objects.filter(pk=pk).first()
        if broadcast is None:
            raise CommandError(f"There is no broadcast {pk}.")
        is_early = verb == "withdraw" and broadcast.state == SCHEDULED
        getattr(broadcast, "cancel" if is_early else verb)(user_of(author))
        return f"Broadcast {pk} is {'a draft' if is_early else broadcast.state}: {broadcast.get_absolute_url()}"


def mistakes(error: InvalidBroadcast) -> list[str]:
    return [
        f"{OPTIONS.get(name, f'--{name}')}: {message}"
        for name, messages in error.message_dict.items()
        for message in messages
    ]


def people(reach: tuple[int, int]) -> str:
    count, online = reach
    return ngettext("{count:,} person", "{count:,} people", count).format(count=count) + f", {online:,} of them online"


def user_of(name: str) -> Any:
    users = get_user_model()
    found = users._default_manager.filter(**{users.USERNAME_FIELD: name}).first() if name else None
    if name and found is None:
        raise CommandError(f"There is no user {name!r}.")
    return found


def moment_of(option: str, text: str) -> datetime | None:
    """A naive one is meant in the site's zone."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = "2026-11-22T10:00 or 2026-11-22T10:00+01:00"
        raise CommandError(f"{option} takes a date and a time such as {expected}; got {text!r}.") from None
    if moment.tzinfo or moment.year not in YEARS:
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # which is refused with the other mistakes
    there = timezone.make_aware(moment, timezone.get_default_timezone())
    if there.astimezone(UTC).astimezone(there.tzinfo).replace(tzinfo=None) != moment:
        raise CommandError(f"{option}: in {there.tzinfo} there is no {text}; clocks are put forward then.")
    return there
