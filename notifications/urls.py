from django.urls import path, re_path

from .views import health, inbox, preferences

app_name = "notifications"

KEY = r"(?P<key>[A-Za-z0-9_-]{1,100})"

urlpatterns = [
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/changes/", inbox.changes, name="changes"),
    path("inbox/seen/", inbox.mark_seen, name="mark_seen"),
    path("inbox/all/read/", inbox.mark_all_read, name="mark_all_read"),
    path("inbox/all/archive/", inbox.archive_all, name="archive_all"),
    path("inbox/undo/", inbox.undo, name="undo"),
    path("inbox/selected/read/", inbox.mark_selected_read, name="mark_selected_read"),
    path("inbox/selected/unread/", inbox.mark_selected_unread, name="mark_selected_unread"),
    path("inbox/selected/archive/", inbox.archive_selected, name="archive_selected"),
    path("inbox/selected/unarchive/", inbox.unarchive_selected, name="unarchive_selected"),
    path("inbox/selected/snooze/", inbox.snooze_selected, name="snooze_selected"),
    path("inbox/selected/unsnooze/", inbox.unsnooze_selected, name="unsnooze_selected"),
    path("inbox/selected/saved/", inbox.mark_selected_saved, name="mark_selected_saved"),
    path("inbox/preferences/", preferences.preferences, name="preferences"),
    path("inbox/preferences/toasts/on/", preferences.show_toasts, name="show_toasts"),
    path("inbox/preferences/toasts/off/", preferences.hide_toasts, name="hide_toasts"),
    path("inbox/preferences/shortcuts/on/", preferences.enable_shortcuts, name="enable_shortcuts"),
    path("inbox/preferences/shortcuts/off/", preferences.disable_shortcuts, name="disable_shortcuts"),
    path("inbox/preferences/<slug:name>/mute/", preferences.mute_category, name="mute_category"),
    path("inbox/preferences/<slug:name>/unmute/", preferences.unmute_category, name="unmute_category"),
    path("inbox/preferences/mutes/<int:pk>/unmute/", preferences.unmute, name="unmute"),
    re_path(rf"^inbox/{KEY}/$", inbox.open_notification, name="open"),
    re_path(rf"^inbox/{KEY}/more/$", inbox.more, name="more"),
    re_path(rf"^inbox/{KEY}/read/$", inbox.mark_read, name="mark_read"),
    re_path(rf"^inbox/{KEY}/unread/$", inbox.mark_unread, name="mark_unread"),
    re_path(rf"^inbox/{KEY}/archive/$", inbox.archive, name="archive"),
    re_path(rf"^inbox/{KEY}/unarchive/$", inbox.unarchive, name="unarchive"),
    re_path(rf"^inbox/{KEY}/snooze/$", inbox.snooze, name="snooze"),
    re_path(rf"^inbox/{KEY}/unsnooze/$", inbox.unsnooze, name="unsnooze"),
    re_path(rf"^inbox/{KEY}/saved/$", inbox.mark_saved, name="mark_saved"),
    re_path(rf"^inbox/{KEY}/unsaved/$", inbox.mark_unsaved, name="mark_unsaved"),
    re_path(rf"^inbox/{KEY}/dismiss/$", inbox.dismiss, name="dismiss"),
    re_path(rf"^inbox/{KEY}/acknowledge/$", inbox.acknowledge, name="acknowledge"),
    re_path(rf"^inbox/{KEY}/mute/$", inbox.mute, name="mute"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
