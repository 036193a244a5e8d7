from typing import Any

from django.contrib import admin
from django.utils.text import Truncator

from .models import Inbox, Notification


class ReadOnlyAdmin(admin.ModelAdmin):
    """For looking. Changing a row here would pass by its inbox's revision, and open pages would miss it."""

    ordering = ("-id",)
    show_full_result_count = False

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ("shown_title", "inbox", "category", "level", "arrived_at", "read_at")
    list_filter = ("category", "level")
    list_select_related = ("inbox__user",)
    search_fields = ("key", "title")

    @admin.display(description="title")
    def shown_title(self, notification: Notification) -> str:
        return Truncator(notification.title_text).chars(60)


@admin.register(Inbox)
class InboxAdmin(ReadOnlyAdmin):
    list_display = ("user", "revision", "unseen_count", "unread_count")
    list_select_related = ("user",)
    search_fields = ("user__username",)
