"""Taking one's inbox along."""

from typing import Any

from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from notifications import tasks
from notifications.export import KINDS
from notifications.jobs import start_job

from .answers import act, refuse
from .jobs import lead_to


@act
def start_export(request: Any) -> HttpResponse:
    """A second click while one is under way leads to that one."""
    kind = request.POST.get("kind", "")
    if kind not in KINDS:
        return refuse(request, _("Choose what kind of file it is to be: CSV or JSON."))
    wanted = {"kind": kind, "language": get_language()}
    return lead_to(request, start_job(tasks.export_inbox, owner=request.user, kwargs=wanted, key="export"))
