"""Inboxes for the accounts that were there before Belfry."""

from itertools import islice

from django.conf import settings
from django.db import migrations

BATCH = 1_000


def make_inboxes(apps, schema_editor):
    inboxes = apps.get_model("notifications", "Inbox").objects
    users = apps.get_model(settings.AUTH_USER_MODEL).objects.filter(inbox=None).values_list("pk", flat=True)
    waiting = iter(list(users))
    while batch := list(islice(waiting, BATCH)):
        inboxes.bulk_create([inboxes.model(user_id=pk) for pk in batch], ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunPython(make_inboxes, migrations.RunPython.noop)]
