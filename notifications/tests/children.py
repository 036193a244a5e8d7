"""What real processes are told, so that they work on this worker's test database and bus."""

import os
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection


def environment(settings_module: str, **more: str) -> dict[str, str]:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        database = f"sqlite:///{name}"
    else:
        database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    known = {"DJANGO_SETTINGS_MODULE": settings_module, "DATABASE_URL": database, "TESTS_REDIS_URL": settings.REDIS_URL}
    return {**os.environ, **known, **more}
