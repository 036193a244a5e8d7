"""What readers type when they begin a conversation or keep a room. Whatever is wrong is said at its field."""

import re
from hashlib import blake2s
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from . import threads
from .models import InvalidMessage, Message, Thread, TooFast
from .models.draft import random_key
from .models.thread import ABOUT_LIMIT, TITLE_LIMIT
from .people import bare, reader_named, readers_named
from .threads import NotAllowed

REFUSALS = (InvalidMessage, NotAllowed, TooFast)
MINUTE = 60
NAMES_LIMIT = 100  # in one invitation


def why_not(error: Exception) -> str:
    """Why it was refused, in words for its reader."""
    return too_fast(error.wait) if isinstance(error, TooFast) else str(error)


def too_fast(wait: int) -> str:
    """``wait`` is in seconds."""
    if wait > 2 * MINUTE:
        n = -(-wait // MINUTE)
        said = ngettext("That was a lot. Please wait {n} minute.", "That was a lot. Please wait {n} minutes.", n)
    else:
        n = wait
        said = ngettext("Too many messages. Please wait {n} second.", "Too many messages. Please wait {n} seconds.", n)
    return said.format(n=n)


def once(key: str, text: str) -> str:
    """What the same text, sent with the same form, is known by. Another text of that form is another message: it may
    have been changed after an answer was lost, and must not be lost as well."""
    return blake2s(f"{key}\0{text.strip()}".encode(errors="replace"), digest_size=16).hexdigest() if key else ""


class LetterForm(forms.Form):
    """The first words to somebody."""

    to = forms.CharField(
        label=gettext_lazy("To"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": gettext_lazy("Whom do you want to write to? Type a name and choose.")},
    )
    text = forms.CharField(
        label=gettext_lazy("Message"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "data-sends": True}),
        error_messages={"required": gettext_lazy("Write something first.")},
    )
    key = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"autocomplete": "off"}))

    def __init__(self, data: Any = None, *, to: str = ""):
        super().__init__(data, initial={"to": to, "key": random_key()})

    def clean_to(self) -> Any:
        name = self.cleaned_data["to"]
        if (found := reader_named(name)) is None:
            raise ValidationError(_("There is nobody with the user name “{name}”.").format(name=bare(name)))
        return found

    def clean_text(self) -> str:
        try:
            return threads.content_of(self.cleaned_data["text"]).text
        except InvalidMessage as error:
            raise ValidationError(str(error)) from None

    def send(self, author: Any) -> Message | None:
        """None where it was refused: then the form says why."""
        to, text, key = (self.cleaned_data[name] for name in ("to", "text", "key"))
        try:
            return threads.write_to(author, to, text, key=once(key, text))
        except NotAllowed as error:
            self.add_error("to", str(error))
        except TooFast as error:
            self.add_error(None, why_not(error))
        return None


class RoomForm(forms.Form):
    title = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=TITLE_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("A room needs a name.")},
    )
    about = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=ABOUT_LIMIT,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("One sentence, shown below the name."),
    )
    is_open = forms.ChoiceField(
        label=gettext_lazy("Who may come in"),
        choices=[("1", gettext_lazy("Everybody")), ("", gettext_lazy("Who is invited"))],
        required=False,
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Any = None, *, room: Thread | None = None):
        known = {"title": room.title, "about": room.about, "is_open": "1" if room.is_open else ""} if room else {}
        super().__init__(data, initial={"is_open": "1", **known})

    def clean_is_open(self) -> bool:
        return bool(self.cleaned_data["is_open"])

    def start(self, keeper: Any) -> Thread | None:
        """None where it was refused: then the form says why."""
        try:
            return threads.start_room(keeper, **self.cleaned_data)
        except NotAllowed as error:
            self.add_error("title", str(error))
        except TooFast as error:
            self.add_error(None, why_not(error))
        return None

    def change(self, keeper: Any, room: Thread) -> bool:
        try:
            threads.change_room(keeper, room, **self.cleaned_data)
        except NotAllowed as error:
            self.add_error("title", str(error))
        return self.is_valid()


class InvitationForm(forms.Form):
    names = forms.CharField(
        label=gettext_lazy("User names"),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=gettext_lazy("One in a line, or with spaces between."),
        error_messages={"required": gettext_lazy("Whom do you want to invite?")},
    )

    def clean_names(self) -> list[Any]:
        """The people. Nobody is invited while one of the names is wrong."""
        names = list(
            dict.fromkeys(bare(name) for name in re.split(r"[\s,;]+", self.cleaned_data["names"]) if bare(name))
        )
        if not names:
            raise ValidationError(self.fields["names"].error_messages["required"])
        if len(names) > NAMES_LIMIT:
            raise ValidationError(_("At most {limit} people at once, please.").format(limit=NAMES_LIMIT))
        found = readers_named(names)
        if unknown := [name for name in names if name not in found]:
            said = ngettext("Nobody has this user name: {names}", "Nobody has these user names: {names}", len(unknown))
            raise ValidationError(said.format(names=", ".join(unknown)))
        return list(found.values())

    def send(self, member: Any, room: Thread) -> int | None:
        """How many are new there. None where it was refused: then the form says why."""
        try:
            return threads.invite(member, room, self.cleaned_data["names"])
        except (NotAllowed, TooFast) as error:
            self.add_error("names", why_not(error))
        return None
