"""django-notifications-hq in an environment of its own: how long `notify.send()` to all users takes, in ms."""

import sys
import tempfile
import time

import django
from django.conf import settings

directory = tempfile.TemporaryDirectory()
settings.configure(
    SECRET_KEY="benchmark",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "notifications"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{directory.name}/db.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
)
sys.path = [path for path in sys.path if not path.endswith("benchmarks")]
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from notifications.signals import notify  # noqa: E402

call_command("migrate", verbosity=0)
connection.cursor().execute("PRAGMA journal_mode=WAL; ")
connection.cursor().execute("PRAGMA synchronous=NORMAL")
actor = User.objects.create(username="actor")
for size in map(int, sys.argv[1:]):
    there = User.objects.count()
    User.objects.bulk_create([User(username=f"user{number}") for number in range(there, size)])
    began = time.perf_counter()
    notify.send(actor, recipient=User.objects.all(), verb="announced", description="Maintenance")
    print(size, (time.perf_counter() - began) * 1000)
