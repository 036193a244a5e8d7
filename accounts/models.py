"""The people of the site, and how often they may try to come in."""

from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is a zone of the IANA database, such as Asia/Beirut."""
    if name not in available_timezones():
        raise ValidationError(_("“%(name)s” is not a time zone."), params={"name": name})


class User(AbstractUser):
    """An account: a name to show, and how this person reads language and clock."""

    display_name = models.CharField(_("display name"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("Empty follows the browser."))
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Empty means the site's own."),
    )
    avatar = models.CharField(_("picture"), max_length=32, blank=True, editable=False)  # names its files; empty: none

    avatar_fields = ("avatar",)  # what avatar_url is made of

    def get_full_name(self) -> str:
        return self.display_name or self.username

    def get_short_name(self) -> str:
        return self.get_full_name()

    @property
    def avatar_url(self) -> str:
        """The address of the picture, as lists show it; empty where there is none."""
        return self.avatar_at(64)

    @property
    def large_avatar_url(self) -> str:
        return self.avatar_at(256)

    def avatar_at(self, size: int) -> str:
        return reverse("accounts:avatar", args=[self.avatar, size]) if self.avatar else ""


class Budget(models.Model):
    """How much of a limit is used up by one address, account or browser (`limits.py`), written as one moment: when
    nothing of it will be used any more. Each try puts it off by its share, so nothing has to be counted or reset."""

    digest = models.CharField(max_length=64, primary_key=True)  # of whose it is: names and addresses are not kept
    free_at = models.DateTimeField(db_index=True)
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest
