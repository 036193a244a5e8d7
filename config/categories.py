"""The site's own categories, beside those that Belfry brings."""

from django.utils.translation import gettext_lazy as _

from notifications.categories import register

register("comments", _("Comments"), icon="chat")
register("reviews", _("Reviews"), icon="check")
register("deploys", _("Deploys"), icon="rocket")
register("billing", _("Billing"), icon="card")
