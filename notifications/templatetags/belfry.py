from datetime import datetime

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def ago(moment: datetime) -> SafeString:
    """A relative time that the browser keeps fresh, with the full local time as its title."""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        formats.date_format(local, "DATETIME_FORMAT"),
        naturaltime(moment),
    )
