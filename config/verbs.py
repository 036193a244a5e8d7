"""What happens on this site, in words: rendered in the reader's language when it is shown."""

from django.utils.translation import gettext_lazy as _

from notifications.verbs import register

register("comment.added", _("{actor} commented on {target}"))
register("comment.mentioned", _("{actor} mentioned you in {target}"))
register("review.requested", _("{actor} asks you to review {target}"))
register("review.approved", _("{actor} approved {target}"))
register("deploy.finished", _("{target} is live"))
register("deploy.failed", _("The deploy of {target} failed"))
register("invoice.paid", _("Invoice {number} over {amount} is paid"))
