"""The Celery application. Its schedule is one table in the settings, its queues are routed there too."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ehrportal.settings.local")

app = Celery("ehrportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
