"""The site: settings, addresses, its own categories and verbs."""

from celery_app import app as celery_app  # so that every process knows the broker, not only the worker

__all__ = ["celery_app"]
