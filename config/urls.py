"""The site's addresses. Each application brings its own under its name."""

from django.contrib import admin
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from accounts.views import staff_door
from config.csp_reports import take_report

admin.site.site_header = admin.site.site_title = "Belfry"

handler500 = "config.outages.server_error"

urlpatterns = [
    path("", require_safe(RedirectView.as_view(pattern_name="notifications:inbox")), name="home"),
    path("", include("notifications.urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/login/", staff_door),  # in place of the administration's own, which have no limits
    path("admin/password_change/", require_safe(RedirectView.as_view(pattern_name="accounts:password_change"))),
    path("admin/", admin.site.urls),
    path("csp-reports/", take_report, name="csp_reports"),
    path("favicon.ico", require_safe(lambda request: redirect(static("img/favicon.svg")))),
]
