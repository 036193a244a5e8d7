from datetime import datetime
from typing import Any

from django.contrib import admin
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .broadcasting import may_broadcast
from .models import Broadcast, Inbox, Job, Notification, Report
from .models.job import may_watch_all
from .story import rules_of, story_of
from .threads import take_back


def at_of(moment: datetime | None) -> str:
    return date_format(localtime(moment), "DATETIME_FORMAT") if moment else ""


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
    readonly_fields = ("story", "rules")
    view_on_site = False  # its page is its reader's
    fieldsets = (
        (None, {"fields": ("inbox", "key", "title", "verb", "params", "body", "url", "category", "level")}),
        (_("Why it was delivered"), {"fields": ("rules", "actor_name", "target", "group_key", "source", "sent_by")}),
        (_("What became of it"), {"fields": ("story",)}),
    )

    @admin.display(description=_("story"))
    def story(self, notification: Notification) -> SafeString:
        lines = [(event.what, at_of(event.at), event.detail) for event in story_of(notification)]
        return format_html_join("", "<div><strong>{}</strong> {} {}</div>", lines)

    @admin.display(description=_("rules"))
    def rules(self, notification: Notification) -> SafeString:
        return format_html_join("", "<div><strong>{}:</strong> {}</div>", rules_of(notification))

    @admin.display(description="title")
    def shown_title(self, notification: Notification) -> str:
        return Truncator(notification.title_text).chars(60)


@admin.register(Broadcast)
class BroadcastAdmin(ReadOnlyAdmin):
    """The list only. Writing one and looking at one have pages of their own."""

    list_display = ("shown_title", "state", "audience", "author_name", "published_at", "ends_at")
    list_filter = ("state", "level", "placement", "audience")
    search_fields = ("title", "body", "key", "author_name")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).filter(is_trial=False)

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return may_broadcast(request.user)

    def add_view(self, request: Any, form_url: str = "", extra_context: Any = None) -> Any:
        return redirect("notifications:new_broadcast")

    def change_view(self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        return redirect("notifications:broadcast", object_id)

    @admin.display(description="title")
    def shown_title(self, broadcast: Broadcast) -> str:
        return Truncator(broadcast.title).chars(60)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """The list only, for those who may watch everybody's jobs. Each has a page of its own."""

    list_display = ("shown_title", "inbox", "state", "attempt", "queued_at", "ended_at")
    list_filter = ("state", "task")
    list_select_related = ("inbox__user",)
    search_fields = ("title", "key", "inbox__user__username")
    ordering = ("-queued_at",)

    def has_module_permission(self, request: Any) -> bool:
        return may_watch_all(request.user)

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return may_watch_all(request.user)

    def change_view(self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        return redirect("notifications:job", object_id)

    @admin.display(description="title")
    def shown_title(self, job: Job) -> str:
        return Truncator(job.title_text).chars(60)


class WaitingFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("Waiting")), ("closed", _("Closed"))]

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() == "waiting":
            return queryset.waiting()
        return queryset.filter(closed_at__isnull=False) if self.value() == "closed" else queryset


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    """Messages that readers have reported, as they were then. Of the threads in which they stand, staff see nothing."""

    list_display = (
        "shown_message",
        "author_name",
        "place",
        "shown_reason",
        "reporter_name",
        "reported_at",
        "closed_at",
    )
    list_filter = (WaitingFilter,)
    search_fields = ("author_name", "reporter_name", "body")
    fields = ("author_name", "place", "body", "reason", "reporter_name", "reported_at", "closed_at", "closed_by_name")
    actions = ("take_message_back", "close_report")
    view_on_site = False

    def has_handle_permission(self, request: Any) -> bool:
        return request.user.has_perm("notifications.change_report")

    @admin.display(description=_("message"))
    def shown_message(self, report: Report) -> str:
        return Truncator(report.body).chars(60)

    @admin.display(description=_("reason"))
    def shown_reason(self, report: Report) -> str:
        return Truncator(report.reason).chars(60)

    @admin.display(description=_("Room"))
    def place(self, report: Report) -> str:
        return report.where or gettext("In private")

    @admin.action(description=_("Take the message back, and close"), permissions=["handle"])
    def take_message_back(self, request: Any, queryset: Any) -> None:
        for report in queryset.select_related("message__thread"):
            if report.message:
                take_back(report.message)
            report.close(request.user)

    @admin.action(description=_("Close"), permissions=["handle"])
    def close_report(self, request: Any, queryset: Any) -> None:
        for report in queryset:
            report.close(request.user)


@admin.register(Inbox)
class InboxAdmin(ReadOnlyAdmin):
    list_display = ("user", "revision", "unseen_count", "unread_count")
    list_select_related = ("user",)
    search_fields = ("user__username",)
