"""What becomes of a job, in the words that its readers see."""

from django.utils.translation import gettext_lazy as _

QUEUED, RUNNING, RETRYING, CANCELLING = "queued", "running", "retrying", "cancelling"
SUCCEEDED, FAILED, CANCELLED, LOST = "succeeded", "failed", "cancelled", "lost"
WAITING = (QUEUED, RETRYING)
WORKING = (RUNNING, CANCELLING)
STATES = {
    QUEUED: _("Waiting"),
    RUNNING: _("Running"),
    RETRYING: _("Trying again"),
    CANCELLING: _("Cancelling"),
    SUCCEEDED: _("Done"),
    FAILED: _("Failed"),
    CANCELLED: _("Cancelled"),
    LOST: _("Cut off"),
}
