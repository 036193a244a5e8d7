"""The tests' settings for worker and tick, processes of their own on the same database and bus."""

import os

from config.settings_test import *  # noqa: F403
from config.settings_test import CELERY_BROKER_TRANSPORT_OPTIONS, CHANNEL_LAYERS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "notifications.tests.process"]  # the worker finds the tasks of the tests

REDIS_URL = os.environ["TESTS_REDIS_URL"]
CHANNEL_LAYERS["default"]["CONFIG"]["hosts"][0]["address"] = REDIS_URL
CELERY_BROKER_URL = os.environ["TESTS_BROKER_URL"]
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,
    "visibility_timeout": int(os.environ.get("TESTS_VISIBILITY_TIMEOUT") or 900),
    "unacked_restore_interval": 1,
}
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 1

JOB_LOST_SECONDS = 3
