"""Belfry's settings: one file, read from the environment, in reading order.

A wrong or missing value ends the start with one line that names it. docs/operating.md lists the variables.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from csp.constants import NONE, SELF

from config import environment as env
from config.logging import logging_config

# --- Where things are -------------------------------------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = env.directory("VAR_DIR", BASE_DIR / "var")
PORT = env.number("PORT", 8000, lowest=1, highest=65535)

# --- How strict we are ------------------------------------------------------------------------------------------------
# DEBUG is for development and the demo. Outside of it, nothing has a default that could leak: the key and the hosts
# must be given.

DEBUG = env.flag("DEBUG", False)
DEMO = DEBUG

SECRET_KEY = env.text("SECRET_KEY", "development-only" if DEBUG else "")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [])
if not SECRET_KEY:
    env.refuse("SECRET_KEY", "is not set. It must be long, random and secret; DEBUG=1 does without it.")
if not DEBUG and len(SECRET_KEY) < 50:
    env.refuse("SECRET_KEY", "is too short: 50 characters or more, please.")
if not ALLOWED_HOSTS:
    env.refuse(
        "ALLOWED_HOSTS", "is not set. It lists the site's host names with commas between; DEBUG=1 does without it."
    )
for origin in CSRF_TRUSTED_ORIGINS:
    if "://" not in origin:
        env.refuse("CSRF_TRUSTED_ORIGINS", f"is wrong: {origin!r} has no scheme, as in https://example.com.")

# `manage.py serve` speaks plain HTTP on the loopback. HTTPS=1 says that a proxy in front of it ends TLS, and that it
# sets X-Forwarded-Proto and X-Forwarded-For itself, whatever the client sent. HTTPS=0 is for trying production mode
# without a proxy.
HTTPS = env.flag("HTTPS", not DEBUG)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Browsers share cookies between the ports of a host: two demos side by side need two names.
SESSION_COOKIE_NAME = f"belfry_session_{PORT}" if DEBUG else "belfry_session"
CSRF_COOKIE_NAME = f"belfry_csrf_{PORT}" if DEBUG else "belfry_csrf"
KNOWN_BROWSER_COOKIE_NAME = f"belfry_known_{PORT}" if DEBUG else "belfry_known"

# Everything that a page needs comes from the site itself, and nothing is inline. The socket is 'self', too.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "report-uri": "/csp-reports/",
    }
}

# Origins, beside the site's own, whose pages may open a socket.
LIVE_ORIGINS = CSRF_TRUSTED_ORIGINS
# Who may read /metrics from elsewhere than the loopback: whoever sends this as a bearer token. Empty means nobody.
METRICS_TOKEN = env.text("METRICS_TOKEN")

# How many frames a second one page gets; what waits longer is merged. 0 sets no limit.
FRAMES_PER_SECOND = env.number("FRAMES_PER_SECOND", 4, lowest=0, highest=1000)

# How many sockets one server process holds; further ones are told to come back later.
MAX_SOCKETS = env.number("MAX_SOCKETS", 10_000, lowest=1, highest=1_000_000)

# For how many days notifications are kept: what is put away or withdrawn, and what has been read. 0 is for ever.
RETENTION_ARCHIVED_DAYS = env.number("RETENTION_ARCHIVED_DAYS", 90, lowest=0, highest=36_500)
RETENTION_READ_DAYS = env.number("RETENTION_READ_DAYS", 365, lowest=0, highest=36_500)

# For how many seconds a running job may be silent before it is taken for lost; and for how many days after its end the
# files of a job are kept. 0 is for ever.
JOB_LOST_SECONDS = env.number("JOB_LOST_SECONDS", 60, lowest=3, highest=3600)
JOB_FILES_DAYS = env.number("JOB_FILES_DAYS", 7, lowest=0, highest=36_500)

# --- What the site is made of -----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "django_htmx",
    "csp",
    "accounts",
    "notifications",
    "config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.PlainRequestsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.ReaderMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "notifications.middleware.InboxMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "notifications.context.notifications",
            ],
        },
    },
]

# --- The database: SQLite in VAR_DIR, or PostgreSQL -------------------------------------------------------------------
# SQLite has no row locks: an immediate transaction takes their place, and WAL lets readers read on.

DATABASES: dict[str, Any] = {"default": env.database("DATABASE_URL", f"sqlite:///{quote(str(VAR_DIR))}/belfry.sqlite3")}
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    _database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
    _database["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": env.number("DATABASE_POOL", 20, lowest=1, highest=1000),
        "timeout": 5,  # seconds for which a request waits for one; then it is answered with 503
        "reconnect_timeout": 5,  # between two tries it waits ever longer, and begins anew after so long
    }
    _database["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- The bus and the broker: the embedded Valkey, or a Redis of yours -------------------------------------------------

VALKEY_SOCKET = env.socket_path(VAR_DIR)
REDIS_URL = env.redis("REDIS_URL", f"unix://{VALKEY_SOCKET}")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_connect_timeout": 2}]},
    },
}

# A task may run twice (late acknowledgement), never at the same time as itself: the hard limit is shorter than the
# time after which the broker hands it out again.
CELERY_BROKER_URL = env.broker_url(REDIS_URL)
CELERY_ACCEPT_CONTENT = ["json"]  # whoever can write to the broker must not be able to run code by it
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900, "socket_connect_timeout": 2}
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False  # a short outage of Redis is no reason to begin anew
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- People, their languages and their clocks -------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# How often somebody may guess: passwords of one account, and from one address, in a quarter of an hour; and how many
# accounts and mails may be asked for from one address in an hour.
SIGN_IN_TRIES = env.number("SIGN_IN_TRIES", 10, lowest=1, highest=1_000_000)
SIGN_IN_TRIES_BY_ADDRESS = env.number("SIGN_IN_TRIES_BY_ADDRESS", 100, lowest=1, highest=1_000_000)
SIGN_UPS_BY_ADDRESS = env.number("SIGN_UPS_BY_ADDRESS", 20, lowest=1, highest=1_000_000)
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "notifications:inbox"
LOGOUT_REDIRECT_URL = "accounts:login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")

# --- Static files -----------------------------------------------------------------------------------------------------
# In development they are served from where they lie; otherwise `manage.py up` collects them under hashed names.

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("vendor/htmx", BASE_DIR / "node_modules" / "htmx.org" / "dist")]
WHITENOISE_USE_FINDERS = DEBUG
_static = "django.contrib.staticfiles.storage.StaticFilesStorage"
if not DEBUG:
    _static = "whitenoise.storage.CompressedManifestStaticFilesStorage"

# --- Files that people upload, and that jobs make: views hand them to whoever may have them ---------------------------

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "files"},
    },
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "private", "file_permissions_mode": 0o600},
    },
    "staticfiles": {"BACKEND": _static},
}
# Pages carry it, and heartbeats do: a page of an older build offers to reload.
BUILD_ID = env.text("BUILD_ID") or env.build_id(
    BASE_DIR / "templates", BASE_DIR / "static", BASE_DIR / "package-lock.json"
)

# --- Mail and logs ----------------------------------------------------------------------------------------------------

_mail = env.mail("EMAIL_URL", "console:")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail["EMAIL_HOST"]
EMAIL_PORT = _mail["EMAIL_PORT"]
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _mail["EMAIL_USE_TLS"]
EMAIL_USE_SSL = _mail["EMAIL_USE_SSL"]
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("MAIL_FROM", "belfry@localhost")

LOGGING = logging_config(env.log_level("LOG_LEVEL", "INFO"), json=not DEBUG)
