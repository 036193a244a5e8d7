"""What people may say about themselves."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import UserCreationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import avatars
from accounts.models import User
from notifications.verbs import fill


def language_choices() -> list[tuple[str, object]]:
    return [("", _("As the browser says")), *settings.LANGUAGES]


def time_zone_choices() -> list[tuple[str, object]]:
    """The zones that people call by a place; the database's aliases and fixed offsets stay out."""
    zones = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [("", _("The site's own (%(zone)s)") % {"zone": settings.TIME_ZONE}), *((name, name) for name in zones)]


class SignUpForm(UserCreationForm):
    """A new account. The time zone is the browser's guess: one that we do not know is ignored."""

    email = forms.EmailField(
        label=_("Email address"), required=False, help_text=_("Without one, a forgotten password cannot be reset.")
    )
    language = forms.ChoiceField(label=_("Language"), choices=language_choices, required=False)
    time_zone = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")

    def clean_time_zone(self) -> str:
        guess = self.cleaned_data["time_zone"]
        return guess if guess in available_timezones() else ""

    def save(self, commit: bool = True) -> User:
        self.instance.language = self.cleaned_data["language"]
        self.instance.time_zone = self.cleaned_data["time_zone"]
        return super().save(commit)


class ProfileForm(forms.ModelForm):
    """How others see this person, and how this person reads the site."""

    language = forms.ChoiceField(label=_("Language"), choices=language_choices, required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zone_choices, required=False)

    class Meta:
        model = User
        fields = ("display_name", "email", "language", "time_zone")


class AvatarForm(forms.Form):
    """A picture of oneself. Every mistake says what was expected."""

    picture = forms.FileField(
        label=_("A new picture"),
        allow_empty_file=True,  # it says so in words of its own
        error_messages={"required": _("Choose a picture first: a PNG, JPEG, WebP or GIF file.")},
        help_text=_("PNG, JPEG, WebP or GIF, at most 5 MB. Its middle is cut out as a square."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"}),
    )

    def clean_picture(self) -> Any:
        try:
            avatars.check(self.cleaned_data["picture"])
        except avatars.BadPicture as error:
            raise ValidationError(fill(gettext(error.text), error.params)) from None
        return self.cleaned_data["picture"]
