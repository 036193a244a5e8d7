import hashlib
import re

from django.conf import settings
from django.db import models

NAMES = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux")


class Browser(models.Model):
    """A browser from which a user has signed in before, told apart by what it says of itself."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="browsers")
    digest = models.CharField(max_length=64)
    label = models.CharField(max_length=80)
    first_seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="browser_once_per_user")]

    def __str__(self) -> str:
        return self.label

    @classmethod
    def remember(cls, user: models.Model, user_agent: str) -> tuple["Browser", bool]:
        """The browser, and whether it is a stranger: not seen before, while others were."""
        had_others = cls.objects.filter(user=user).exists()
        digest = hashlib.sha256(re.sub(r"[\d.]+", "", user_agent).encode()).hexdigest()
        browser, is_new = cls.objects.get_or_create(user=user, digest=digest, defaults={"label": describe(user_agent)})
        return browser, is_new and had_others


def describe(user_agent: str) -> str:
    """Like "Firefox, Linux". Versions are left out, so that an update is no new browser."""
    name = next((label for token, label in NAMES if token in user_agent), "a browser")
    system = next((system for system in SYSTEMS if system in user_agent), "")
    return f"{name}, {system}" if system else name
