"""One machine, for trying and developing. Secrets come from the state folder's own environment file."""

from ehrportal.logging import configuration
from ehrportal.settings.base import *  # noqa: F403 - settings are layered this way

DEBUG = env.bool("DEBUG", default=False)  # noqa: F405
IS_LOCAL = True
ALLOWED_HOSTS = [".localhost", "localhost", "127.0.0.1"]
CSRF_TRUSTED_ORIGINS = [PORTAL_URL, CONSENT_URL]  # noqa: F405
# A chain of one node has nobody to reorganise it.
CHAIN_CONFIRMATIONS = env.int("CHAIN_CONFIRMATIONS", default=2)  # noqa: F405
LOG_SEAL_SECONDS = env.int("LOG_SEAL_SECONDS", default=10)  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
LOGGING = configuration(json=False)
