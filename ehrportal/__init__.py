"""The hospital portal as a whole: settings, URLs, Celery, health, and the local services."""

from ehrportal.celery import app as celery_app

__all__ = ["celery_app"]
