from django.urls import path, re_path

from .views import health, inbox

app_name = "notifications"

KEY = r"(?P<key>[A-Za-z0-9_-]{1,100})"

urlpatterns = [
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/changes/", inbox.changes, name="changes"),
    path("inbox/seen/", inbox.mark_seen, name="mark_seen"),
    path("inbox/all/read/", inbox.mark_all_read, name="mark_all_read"),
    path("inbox/all/archive/", inbox.archive_all, name="archive_all"),
    path("inbox/preferences/", inbox.preferences, name="preferences"),
    path("inbox/preferences/toasts/on/", inbox.show_toasts, name="show_toasts"),
    path("inbox/preferences/toasts/off/", inbox.hide_toasts, name="hide_toasts"),
    path("inbox/preferences/shortcuts/on/", inbox.enable_shortcuts, name="enable_shortcuts"),
    path("inbox/preferences/shortcuts/off/", inbox.disable_shortcuts, name="disable_shortcuts"),
    path("inbox/preferences/<slug:name>/mute/", inbox.mute_category, name="mute_category"),
    path("inbox/preferences/<slug:name>/unmute/", inbox.unmute_category, name="unmute_category"),
    re_path(rf"^inbox/{KEY}/$", inbox.open_notification, name="open"),
    re_path(rf"^inbox/{KEY}/read/$", inbox.mark_read, name="mark_read"),
    re_path(rf"^inbox/{KEY}/unread/$", inbox.mark_unread, name="mark_unread"),
    re_path(rf"^inbox/{KEY}/archive/$", inbox.archive, name="archive"),
    re_path(rf"^inbox/{KEY}/unarchive/$", inbox.unarchive, name="unarchive"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
