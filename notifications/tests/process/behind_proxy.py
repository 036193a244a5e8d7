"""Settings of a server that believes a proxy in front of it, and knows the site's name and the loopback's."""

from notifications.tests.process.serving import *  # noqa: F403

ALLOWED_HOSTS = ["belfry.example.com", "127.0.0.1"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^livez$"]
