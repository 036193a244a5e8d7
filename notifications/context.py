from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation

from .job_lists import Tray


def notifications(request: HttpRequest) -> dict[str, Any]:
    """What the bell and the live connection need on every page of a signed-in reader."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    request.inbox.collect()  # type: ignore[attr-defined]
    return {
        "tray": Tray(request.inbox),  # type: ignore[attr-defined]
        "inbox": request.inbox,  # type: ignore[attr-defined]
        "epoch": request.inbox.noticeboard.epoch,  # type: ignore[attr-defined]
        "build": settings.BUILD_ID,
        "page_language": translation.get_language(),
        "page_zone": timezone.get_current_timezone_name(),
    }
