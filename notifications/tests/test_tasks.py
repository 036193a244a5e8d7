"""The Celery task, and a real worker that runs it."""

import subprocess
import sys

import pytest
from django.conf import settings

from config.tests.site import Site, environment, eventually
from notifications.models import Notification
from notifications.tasks import notify_users


@pytest.mark.django_db(transaction=True)
def test_it_sends_to_each_once_also_when_it_runs_twice(bo, chi):
    ids = [bo.pk, chi.pk]
    assert notify_users.apply(args=(ids, "drill"), kwargs={"title": "Fire drill"}).get() == 2
    assert notify_users.apply(args=(ids, "drill"), kwargs={"title": "Fire drill"}).get() == 2
    assert Notification.objects.count() == 2


SEND = """
from django.contrib.auth import get_user_model
from notifications.tasks import notify_users
bo = get_user_model().objects.get(username="bo")
notify_users.delay([bo.pk], "by-worker", title="Sent by a worker")
"""
LOOK = "from notifications.models import Notification; print(Notification.objects.filter(key='by-worker').count())"


def shell(site, code):
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    env = environment(site.var_dir, PORT=str(site.port))
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.process
def test_a_real_worker_runs_it(tmp_path):
    with Site(tmp_path) as site:
        shell(site, SEND)
        eventually(lambda: shell(site, LOOK) == "1", f"the notification\n{site.output}")
