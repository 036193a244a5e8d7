"""The demo's cast. It exists only where DEBUG is on."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PASSWORD = "belfry-demo"


@dataclass(frozen=True)
class DemoUser:
    username: str
    display_name: str
    about: Promise
    is_staff: bool = False
    language: str = ""
    time_zone: str = ""

    @property
    def password(self) -> str:
        return PASSWORD


CAST = [
    DemoUser("ada", "Ada Okafor", _("Staff: she sends, and sees the administration"), is_staff=True),
    DemoUser("bo", "Bo Lindqvist", _("A reader with a busy inbox"), time_zone="Europe/Stockholm"),
    DemoUser("chi", "Chi Nguyen", _("Reads in German"), language="de", time_zone="Europe/Berlin"),
    DemoUser("dana", "دانا حداد", _("Reads in Arabic, from right to left"), language="ar", time_zone="Asia/Beirut"),
]


def demo_users() -> list[DemoUser]:
    """Whom the sign-in page may offer: the cast in a demo, nobody elsewhere."""
    return CAST if settings.DEMO else []
