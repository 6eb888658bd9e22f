"""A hospital's own installation. A value that is missing is named, and nothing starts without it."""

from django.core.exceptions import ImproperlyConfigured

from ehrportal.logging import configuration
from ehrportal.settings.base import *  # noqa: F403 - settings are layered this way
from ehrportal.settings.base import env
from ehrportal.settings.secrets import SECRETS, fault_of

DEBUG = False
IS_LOCAL = False

REQUIRED = [
    *SECRETS,
    "CHAIN_REGISTRY_ADDRESS",
    "CHAIN_RECORD_LOG_ADDRESS",
    "CHAIN_ID",
    "CHAIN_RPC_URL",
    "DATABASE_URL",
    "BROKER_URL",
    "HOSPITAL_NAME",
    "PORTAL_URL",
    "ALLOWED_HOSTS",
]
missing = [name for name in REQUIRED if not env(name, default="")]
if missing:
    raise ImproperlyConfigured(f"Set these in the environment before starting: {', '.join(missing)}.")

bad = {name: why for name in SECRETS if (why := fault_of(name, env(name)))}
if bad:
    raise ImproperlyConfigured("; ".join(f"{name} {why}" for name, why in bad.items()) + ".")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = [env("PORTAL_URL")]

SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="portal@localhost")
LOGGING = configuration(json=True)
