"""The site's addresses. Each application brings its own under its name."""

from django.contrib import admin
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

admin.site.site_header = admin.site.site_title = "Belfry"

handler500 = "config.outages.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="notifications:inbox"), name="home"),
    path("", include("notifications.urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", lambda request: redirect(static("img/favicon.svg"))),
]
