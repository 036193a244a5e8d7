import json
from datetime import datetime, time, timedelta
from functools import cache, lru_cache

from django import template
from django.conf import settings
from django.contrib.humanize.templatetags.humanize import NaturalTimeFormatter, naturaltime
from django.shortcuts import resolve_url
from django.urls import get_script_prefix, reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from notifications.broadcasting import may_broadcast
from notifications.models import Notification, Thread

register = template.Library()
register.filter("may_broadcast", may_broadcast)

# What scripts count, in words. A language has up to six forms, and among these numbers each form has one of its own.
COUNTED = {
    "new": lambda n: ngettext("{n} new", "{n} new", n),
    "selected": lambda n: ngettext("{n} selected", "{n} selected", n),
}
KEPT = 4_096  # times in words, of each kind: a list of thirty rows has thirty, and shows most of them again soon
EXACT = "%Y-%m-%dT%H:%M:%SZ"  # of times in UTC, for scripts
SAID = {"thread.said", "room.said", "thread.mentioned"}
THREAD = Thread._meta.label_lower
EXAMPLES = (100, 0, 1, 2, 3, 5, 6, 7, 11)


@register.simple_tag
def login_url() -> str:
    """Where one signs in on this site: LOGIN_URL, which may be an address or a name."""
    return resolve_url(settings.LOGIN_URL)


@register.simple_tag
def item_url(name: str, key: str) -> str:
    """The address of an item, or of an act on it. Rows have seven of them, and a list thirty rows."""
    return pattern_of(name, get_script_prefix()).replace("__KEY__", key)


@cache
def pattern_of(name: str, prefix: str) -> str:
    return reverse(f"notifications:{name}", args=["__KEY__"])


@register.simple_tag
def reply_url(notification: Notification) -> str:
    """Where one answers what a notification quotes; empty where there is nothing to answer."""
    if notification.verb not in SAID or notification.unavailable_at:
        return ""
    kind, _colon, pk = notification.target.partition(":")
    if kind != THREAD or not pk.isdecimal():
        return ""
    return f"{reverse('notifications:reply', args=[pk])}?to={notification.key}"


@register.simple_tag
def counted(what: str) -> str:
    """All forms of a text that a script puts a number into, for ``inWords``: `[[100, "{n} new"], ...]`. The first is
    for numbers like which there is no example."""
    return json.dumps([[n, COUNTED[what](n)] for n in EXAMPLES], ensure_ascii=False)


@register.simple_tag
def ago(moment: datetime) -> SafeString:
    """A relative time that the browser keeps fresh, with the full local time as its title."""
    local = timezone.localtime(moment).replace(microsecond=0, tzinfo=None)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.strftime(EXACT),
        full_time(local, timezone.get_current_timezone_name(), get_language()),
        relative(moment),
    )


@lru_cache(maxsize=KEPT)
def full_time(local: datetime, zone: str, language: str | None) -> str:
    """On the reader's clock. ``zone`` and ``language`` are those that are active."""
    return formats.date_format(local.replace(tzinfo=timezone.get_current_timezone()), "DATETIME_FORMAT")


@register.simple_tag
def clock(moment: datetime) -> SafeString:
    """The time of day, with the full local time as its title."""
    local = timezone.localtime(moment).replace(microsecond=0, tzinfo=None)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.strftime(EXACT),
        full_time(local, timezone.get_current_timezone_name(), get_language()),
        time_of_day(local.hour, local.minute, get_language()),
    )


@lru_cache(maxsize=KEPT)
def time_of_day(hour: int, minute: int, language: str | None) -> str:
    """``language`` is the active one."""
    return formats.time_format(time(hour, minute), "TIME_FORMAT")


@register.simple_tag
def moment(value: datetime) -> SafeString:
    """A time to come, on the reader's clock: "Mon, November 23, 9 a.m."."""
    local = timezone.localtime(value)
    day, date, time = (formats.date_format(local, name) for name in ("D", "MONTH_DAY_FORMAT", "TIME_FORMAT"))
    words = _("{day}, {date}, {time}").format(day=day, date=date, time=time)
    return format_html('<time datetime="{}">{}</time>', value.strftime(EXACT), words)


@register.simple_tag
def in_time(moment: datetime) -> SafeString:
    """A time that is soon: "at 2:03 p.m.", which the browser counts down to: "in 20s"."""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" data-countdown>{}</time>',
        moment.strftime(EXACT),
        _("at {time}").format(time=formats.date_format(local, "TIME_FORMAT")),
    )


@register.simple_tag
def took(start: datetime, end: datetime) -> SafeString:
    """As a stopwatch shows it: 0:14, 12:05, 1:00:59."""
    minutes, seconds = divmod(max(0, round((end - start).total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return format_html('<bdi class="took">{}</bdi>', text)


def relative(moment: datetime) -> str:
    """ "3 minutes ago", "2 days ago": one unit, in the words of django.contrib.humanize and its catalogues."""
    ago = timezone.now() - moment
    if ago < timedelta(days=1):
        return lately(ago // timedelta(seconds=1), get_language())
    delta = timesince(moment, time_strings=NaturalTimeFormatter.past_substrings, depth=1)
    return str(NaturalTimeFormatter.time_strings["past-day"]) % {"delta": delta}


@lru_cache(maxsize=KEPT)
def lately(seconds: int, language: str | None) -> str:
    """``language`` is the active one."""
    return str(naturaltime(timezone.now() - timedelta(seconds=seconds)))
