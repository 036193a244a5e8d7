"""The site's own settings in a known environment, for pytest. Only DATABASE_URL, which names the database, leaks in."""

import atexit
import os
import shutil
import tempfile

_var_dir = tempfile.mkdtemp(prefix="belfry-test-")
atexit.register(shutil.rmtree, _var_dir, ignore_errors=True)

for _name in (
    "PORT",
    "REDIS_URL",
    "DEBUG",
    "CSRF_TRUSTED_ORIGINS",
    "METRICS_TOKEN",
    "EMAIL_URL",
    "TIME_ZONE",
    "BUILD_ID",
    "MAX_SOCKETS",
    "JOB_LOST_SECONDS",
    "JOB_FILES_DAYS",
    "SIGN_IN_TRIES",
    "SIGN_IN_TRIES_BY_ADDRESS",
    "SIGN_UPS_BY_ADDRESS",
):
    os.environ.pop(_name, None)
os.environ |= {
    "VAR_DIR": _var_dir,
    "SECRET_KEY": "a key for tests only, and long enough to be accepted",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "HTTPS": "0",
}

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, STORAGES, VAR_DIR  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
