"""The pulse: a row that says when a worker last ran what beat asked of it."""

from typing import Any

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

PULSE_KEY = "ehrportal.pulse"


@shared_task
def beat(**kwargs: Any) -> None:
    """Note that beat asked and a worker ran. Safe to run any number of times: the last moment stays."""
    cache.set(PULSE_KEY, timezone.now(), timeout=None)
