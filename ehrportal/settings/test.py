"""Tests: the real services that script/test started, fixed secrets, quick password hashing."""

from ehrportal.logging import configuration
from ehrportal.settings.base import *  # noqa: F403 - settings are layered this way

SECRET_KEY = "test-secret-key-" + "x" * 50
COLUMN_KEYS = ["test-column-key-" + "y" * 50]
KEY_ENCRYPTION_KEYS = ["dGVzdC1rZXktZW5jcnlwdGlvbi1rZXktMzItYnl0ZXM="]
BLIND_INDEX_KEY = "dGVzdC1ibGluZC1pbmRleC1rZXktb2YtMzItYnl0ZXM="
LOG_SIGNING_KEY = "11" * 32
# The first of the accounts that every development chain funds.
CHAIN_OPERATOR_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
IS_LOCAL = True
ALLOWED_HOSTS = ["testserver", ".localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CHAIN_CONFIRMATIONS = 2
CELERY_TASK_ALWAYS_EAGER = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Files are served from where they lie, as nothing was collected.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
LOGGING = configuration(json=True)
