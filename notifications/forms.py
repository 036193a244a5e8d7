"""What staff type when they broadcast, made into a Content. Whoever writes is told of every mistake at its field."""

import re
import secrets
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.models import Audience, Broadcast, Content, InvalidBroadcast, clock
from notifications.models.broadcast import PUBLISHED
from notifications.models.broadcast_content import YEARS
from notifications.models.draft import LIMITS

MINUTES = "%Y-%m-%dT%H:%M"
NOW, LATER = "now", "later"
LONGEST_ID = 18  # digits
FORM_KEY = re.compile(r"[A-Za-z0-9_-]{8,80}")
FORM_KEY_START = "form-"  # begins a broadcast's own key, so that two presses of a button make one broadcast

LEVELS = (
    ("info", gettext_lazy("Information")),
    ("success", gettext_lazy("Good news")),
    ("warning", gettext_lazy("Warning")),
    ("error", gettext_lazy("Trouble")),
)
PLACEMENTS = (
    ("inbox", gettext_lazy("Inbox")),
    ("banner", gettext_lazy("Banner")),
    ("both", gettext_lazy("Inbox and banner")),
)
STARTS = ((NOW, gettext_lazy("As soon as it is published")), (LATER, gettext_lazy("Later")))


class LocalTimeField(forms.Field):
    """A minute on the author's clock. ``known`` is a time with seconds that stands behind the same minute: it stays."""

    widget = forms.DateTimeInput(format=MINUTES, attrs={"type": "datetime-local"})
    known: datetime | None = None

    def prepare_value(self, value: Any) -> Any:
        return timezone.localtime(value).replace(tzinfo=None) if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> datetime | None:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            raise ValidationError(_("Write a date and a time, such as 2027-03-01T09:00.")) from None
        if local.year not in YEARS:  # not even the preview could say it
            raise ValidationError(_("This is too far away."))
        if local.tzinfo is not None:
            return local
        if self.known and timezone.localtime(self.known).strftime(MINUTES) == local.strftime(MINUTES):
            return self.known
        return on_this_clock(local)


def on_this_clock(local: datetime) -> datetime:
    """That moment in the active time zone. Raises ValidationError for what the clock skips or shows twice."""
    zone = timezone.get_current_timezone()
    moment = local.replace(tzinfo=zone)
    names = {"zone": timezone.get_current_timezone_name(), "time": date_format(local, "TIME_FORMAT")}
    try:
        shown = moment.astimezone(UTC).astimezone(zone)
    except OverflowError:
        raise ValidationError(_("This is too far away.")) from None
    if shown.replace(tzinfo=None) != local:
        names["next"] = date_format(shown, "TIME_FORMAT")
        raise ValidationError(
            _("On that day there is no {time} in {zone}: the clocks go forward. Choose {next} instead.").format(**names)
        )
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        raise ValidationError(
            _("On that day {time} comes twice in {zone}: the clocks go back. Choose an hour earlier or later.").format(
                **names
            )
        )
    return moment


class GroupsField(forms.ModelMultipleChoiceField):
    """Groups by their ids. One that no database could hold is one that does not exist."""

    def clean(self, value: Any) -> Any:
        for pk in value or ():
            if len(str(pk)) > LONGEST_ID:
                raise ValidationError(self.error_messages["invalid_choice"], "invalid_choice", {"value": pk})
        return super().clean(value)


class BroadcastForm(forms.Form):
    key = forms.CharField(required=False, widget=forms.HiddenInput)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    title = forms.CharField(label=gettext_lazy("Title"), required=False)
    body = forms.CharField(
        label=gettext_lazy("Text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 7}),
        help_text=gettext_lazy("Markdown: **bold**, *italic*, [a link](https://…), lists and quotes."),
    )
    url = forms.CharField(
        label=gettext_lazy("Link"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "url"}),
        help_text=gettext_lazy("Where more is said: https://… or a path of this site."),
    )
    level = forms.ChoiceField(label=gettext_lazy("Level"), choices=LEVELS, widget=forms.RadioSelect)
    placement = forms.ChoiceField(label=gettext_lazy("Shown in"), choices=PLACEMENTS, widget=forms.RadioSelect)
    is_dismissible = forms.BooleanField(label=gettext_lazy("The banner can be dismissed"), required=False)
    asks_acknowledgement = forms.BooleanField(
        label=gettext_lazy("Ask everyone to confirm: “I have read this”"), required=False
    )
    audience = forms.ChoiceField(label=gettext_lazy("For"), choices=Audience.choices, widget=forms.RadioSelect)
    groups = GroupsField(
        label=gettext_lazy("Groups"),
        queryset=Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    names = forms.CharField(
        label=gettext_lazy("People"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=gettext_lazy("One user name in a line."),
    )
    when = forms.ChoiceField(
        label=gettext_lazy("Starts"), choices=STARTS, widget=forms.RadioSelect, required=False
    )  # not asked for any more once it is published
    starts_at = LocalTimeField(label=gettext_lazy("Start"), required=False)
    ends_at = LocalTimeField(
        label=gettext_lazy("Ends"), required=False, help_text=gettext_lazy("Empty: until somebody ends it.")
    )
    show_again = forms.BooleanField(
        label=gettext_lazy("Show it again to those who have dismissed or read it"), required=False
    )
    count = forms.CharField(required=False, widget=forms.TextInput(attrs={"inputmode": "numeric"}))

    typed: dict[str, Any] = {}

    def __init__(self, data: Any = None, *, broadcast: Broadcast | None = None, **options: Any):
        self.broadcast = broadcast
        self.first = broadcast.content if broadcast else Content(placement="both")
        super().__init__(data, initial=self.initial_of(self.first), **options)
        for name in ("starts_at", "ends_at"):
            self.fields[name].known = getattr(self.first, name)  # type: ignore[attr-defined]
        for name in ("key", "version", "title", "count"):
            self.fields[name].widget.attrs["autocomplete"] = "off"

    def initial_of(self, content: Content) -> dict[str, Any]:
        version = self.broadcast.version if self.broadcast else ""
        return {
            **content.columns(),
            "groups": [group.pk for group in content.groups],
            "names": "\n".join(content.names),
            "when": LATER if content.starts_at else NOW,
            "key": secrets.token_urlsafe(16),
            "version": version,
        }

    @property
    def is_published(self) -> bool:
        return self.broadcast is not None and self.broadcast.state == PUBLISHED

    @property
    def content(self) -> Content:
        """What is in the form now, mistakes and all."""
        if not self.is_bound:
            return self.first
        self.errors  # noqa: B018  looks at the fields
        return self.content_of(self.typed)

    @property
    def broadcast_key(self) -> str:
        return FORM_KEY_START + self.cleaned_data["key"]

    def content_of(self, data: dict[str, Any]) -> Content:
        audience = data.get("audience") or self.first.audience
        starts_at = data.get("starts_at") if data.get("when") == LATER else None
        return Content(
            title=data.get("title") or "",
            body=data.get("body") or "",
            url=data.get("url") or "",
            level=data.get("level") or self.first.level,
            placement=data.get("placement") or self.first.placement,
            is_dismissible=bool(data.get("is_dismissible")),
            asks_acknowledgement=bool(data.get("asks_acknowledgement")),
            audience=audience,
            groups=list(data.get("groups") or ()) if audience == Audience.GROUPS else (),
            names=data.get("names") or [] if audience == Audience.PEOPLE else (),
            starts_at=self.first.starts_at if self.is_published else starts_at,
            ends_at=data.get("ends_at"),
        )

    def clean_key(self) -> str:
        key = self.cleaned_data["key"]
        return key if FORM_KEY.fullmatch(key) else secrets.token_urlsafe(16)

    def clean_body(self) -> str:
        return "\n".join(self.cleaned_data["body"].splitlines())

    def clean_names(self) -> list[str]:
        """Each once, in order."""
        lines = (line.strip() for line in self.cleaned_data["names"].splitlines())
        return sorted({line for line in lines if line})

    def clean(self) -> dict[str, Any]:
        data = self.typed = dict(self.cleaned_data)  # an error takes its field away from cleaned_data
        self.forget_what_is_not_chosen(data)
        if data.get("when") == LATER and not self.is_published and "starts_at" not in self.errors:
            self.check_start(data.get("starts_at"))
        try:
            self.content_of(data).check(self.broadcast.running_since if self.broadcast else None)
        except InvalidBroadcast as error:
            for name, problems in error.message_dict.items():
                if name not in self.errors:
                    self.add_error(name, in_plain_words(name, str(data.get(name) or "")) or problems)
        return self.cleaned_data

    def forget_what_is_not_chosen(self, data: dict[str, Any]) -> None:
        """Whatever is wrong with a field that does not count."""
        chosen = data.get("audience")
        for audience, name in ((Audience.GROUPS, "groups"), (Audience.PEOPLE, "names")):
            if chosen != audience:
                self.errors.pop(name, None)
        if data.get("when") != LATER or self.is_published:
            self.errors.pop("starts_at", None)

    def check_start(self, starts_at: datetime | None) -> None:
        if starts_at is None:
            self.add_error("starts_at", _("Choose when it starts, or let it start at once."))
        elif starts_at <= clock.now():
            self.add_error("starts_at", _("This start is in the past. Choose a later time, or let it start at once."))


def in_plain_words(name: str, text: str) -> str:
    """What is wrong with a text, where the models say it to developers."""
    limit = LIMITS.get(name, 0)
    if limit and len(text) > limit:
        said = _("This takes at most {limit} characters, and has {count}.")
        return said.format(
            limit=number_format(limit, force_grouping=True), count=number_format(len(text), force_grouping=True)
        )
    if name == "url":
        return _("Write an address that begins with https:// or http://, or a path that begins with /.")
    return ""


def typed_number(text: str) -> int | None:
    """However thousands are set apart."""
    digits = re.sub(r"[\s.,'’٬]", "", text)
    return int(digits) if digits.isdecimal() and len(digits) < 12 else None
