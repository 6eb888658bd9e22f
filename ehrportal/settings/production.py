"""A hospital's own installation. A value that is missing is named, and nothing starts without it."""

from urllib.parse import urlsplit

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
    "CHAIN_CONSENT_REGISTRY_ADDRESS",
    "CHAIN_CONSENT_VERIFIER_ADDRESS",
    "CHAIN_ID",
    "CHAIN_RPC_URL",
    "DATABASE_URL",
    "BROKER_URL",
    "HOSPITAL_NAME",
    "PORTAL_URL",
    "CONSENT_URL",
    "ALLOWED_HOSTS",
]
missing = [name for name in REQUIRED if not env(name, default="")]
if missing:
    raise ImproperlyConfigured(f"Set these in the environment before starting: {', '.join(missing)}.")

bad = {name: why for name in SECRETS if (why := fault_of(name, env(name)))}
if bad:
    raise ImproperlyConfigured("; ".join(f"{name} {why}" for name, why in bad.items()) + ".")

portal_host, consent_host = (urlsplit(env(name)).hostname or "" for name in ("PORTAL_URL", "CONSENT_URL"))
# Passkeys of a host work on those below it, too.
if portal_host == consent_host or portal_host.endswith(f".{consent_host}"):
    raise ImproperlyConfigured(
        "CONSENT_URL must have another host name than PORTAL_URL, and not one above it: a page of the portal "
        "could otherwise have a consent signed by what looks like a sign-in."
    )

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = [env("PORTAL_URL"), env("CONSENT_URL")]

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
