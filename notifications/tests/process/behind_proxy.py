"""Settings of a server that believes a proxy in front of it, and answers to the name of the site only."""

from notifications.tests.process.serving import *  # noqa: F403

ALLOWED_HOSTS = ["belfry.example.com"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
