"""The demo's cast. It exists only where DEBUG is on."""

from dataclasses import dataclass

from django.conf import settings

DEMO_PASSWORD = "belfry-demo"


@dataclass(frozen=True)
class DemoUser:
    username: str
    display_name: str
    about: str
    is_staff: bool = False
    language: str = ""
    time_zone: str = ""

    @property
    def password(self) -> str:
        return DEMO_PASSWORD


CAST = [
    DemoUser("ada", "Ada Okafor", "staff: she sends, and sees the administration", is_staff=True),
    DemoUser("bo", "Bo Lindqvist", "a reader with a busy inbox", time_zone="Europe/Stockholm"),
    DemoUser("chi", "Chi Nguyen", "reads in German", language="de", time_zone="Europe/Berlin"),
    DemoUser("dana", "دانا حداد", "reads in Arabic, from right to left", language="ar", time_zone="Asia/Beirut"),
]


def demo_users() -> list[DemoUser]:
    """Whom the sign-in page may offer: the cast in a demo, nobody elsewhere."""
    return CAST if settings.DEMO else []
