"""What every environment shares. Everything that differs between hospitals is read from the environment."""

from pathlib import Path

import environ

from ehrportal.settings.unfold import unfold

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = environ.Env()

# The hospital

HOSPITAL_NAME = env("HOSPITAL_NAME", default="North Hospital")
# Colours as unfold and the portal's stylesheet take them: any CSS colour.
HOSPITAL_COLOUR = env("HOSPITAL_COLOUR", default="#005eb8")
HOSPITAL_ACCENT_COLOUR = env("HOSPITAL_ACCENT_COLOUR", default="#003087")
HOSPITAL_PHONE = env("HOSPITAL_PHONE", default="")
PORTAL_URL = env("PORTAL_URL", default="http://portal.localhost:8000")
# Where patients sign consents: an origin of its own, so that nothing on the portal's can have one signed.
CONSENT_URL = env("CONSENT_URL", default="http://consent.localhost:8000")

# Secrets: `local` makes its own, `production` insists on them

SECRET_KEY = env("SECRET_KEY", default="")
# Encrypt identifying columns and second factors; the first encrypts, all of them decrypt.
COLUMN_KEYS = env.list("COLUMN_KEYS", default=[])
# Wraps the key of each patient: base64 of 32 bytes; the first wraps, all of them unwrap.
KEY_ENCRYPTION_KEYS = env.list("KEY_ENCRYPTION_KEYS", default=[])
# Keys the blind indexes over names, numbers and codes: base64 of 32 bytes.
BLIND_INDEX_KEY = env("BLIND_INDEX_KEY", default="")
# Signs checkpoints of the log (Ed25519 seed) and transactions (secp256k1 key), both as hex.
LOG_SIGNING_KEY = env("LOG_SIGNING_KEY", default="")
CHAIN_OPERATOR_KEY = env("CHAIN_OPERATOR_KEY", default="")

# Applications

INSTALLED_APPS = [
    "ehrportal.apps.EhrportalConfig",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "pgtrigger",
    "rest_framework",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "chain",
    "audit",
    "accounts",
    "doctors",
    "patients",
    "consent",
    "records",
    "exchange",
    "billing",
    "referrals",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ehrportal.middleware.RequestLog",
    "consent.host.middleware.ConsentHost",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ehrportal.middleware.SecurityHeaders",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "accounts.middleware.SecondFactorRequired",
]

ROOT_URLCONF = "ehrportal.urls"
CONSENT_URLCONF = "ehrportal.consent_urls"
WSGI_APPLICATION = "ehrportal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        # The patients' and the public pages, sign-in included.
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates" / "portal"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "ehrportal.jinja.environment",
            "context_processors": [
                "django.contrib.messages.context_processors.messages",
                "ehrportal.context_processors.hospital",
            ],
        },
    },
    {
        # The staff workspace, which is Django's admin.
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates" / "workspace"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ehrportal.context_processors.hospital",
            ],
        },
    },
]

# Database, broker, chain

DATABASES = {"default": env.db("DATABASE_URL", default="postgresql://localhost/ehrportal")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)

BROKER_URL = env("BROKER_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": BROKER_URL,
        # A page may fail for want of the cache, but never wait for it without end.
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
}

CHAIN_RPC_URL = env("CHAIN_RPC_URL", default="http://127.0.0.1:8545")
# What a visitor's browser is told to ask; the same chain, seen from outside.
CHAIN_PUBLIC_RPC_URL = env("CHAIN_PUBLIC_RPC_URL", default=CHAIN_RPC_URL)
CHAIN_ID = env.int("CHAIN_ID", default=31337)
CHAIN_REGISTRY_ADDRESS = env("CHAIN_REGISTRY_ADDRESS", default="")
CHAIN_RECORD_LOG_ADDRESS = env("CHAIN_RECORD_LOG_ADDRESS", default="")
CHAIN_CONSENT_REGISTRY_ADDRESS = env("CHAIN_CONSENT_REGISTRY_ADDRESS", default="")
CHAIN_CONSENT_VERIFIER_ADDRESS = env("CHAIN_CONSENT_VERIFIER_ADDRESS", default="")
# No event of ours is older than this block; it spares the follower the chain's youth.
CHAIN_START_BLOCK = env.int("CHAIN_START_BLOCK", default=0)
CHAIN_CONFIRMATIONS = env.int("CHAIN_CONFIRMATIONS", default=12)
# A head is sealed when this many leaves wait, or the oldest has waited this many seconds.
LOG_SEAL_SIZE = env.int("LOG_SEAL_SIZE", default=1000)
LOG_SEAL_SECONDS = env.int("LOG_SEAL_SECONDS", default=30)
# Names the log to monitors, and its key. A name, not an address: it stays when the portal moves.
LOG_ORIGIN = env("LOG_ORIGIN", default=PORTAL_URL.partition("://")[2].rstrip("/") + "/log")
# A transaction that no block has taken for this long is signed again at a higher fee.
CHAIN_STUCK_SECONDS = env.int("CHAIN_STUCK_SECONDS", default=120)
# In wei. Nothing is signed above it: a fault, or a storm of fees, must not empty the operator's account.
CHAIN_MAX_FEE_PER_GAS = env.int("CHAIN_MAX_FEE_PER_GAS", default=500 * 10**9)
# What the hospital pays for at most to relay one signed form, whatever somebody put into it.
CHAIN_RELAY_GAS_CAP = env.int("CHAIN_RELAY_GAS_CAP", default=700_000)

# Celery

CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    # Apart, for it may take hours, and sealing must not wait behind it.
    "chain.tasks.check_log": {"queue": "imports"},
    "consent.tasks.compare_with_chain": {"queue": "imports"},
    "chain.tasks.*": {"queue": "chain"},
    "consent.tasks.*": {"queue": "chain"},
    "records.tasks.*": {"queue": "imports"},
}
CELERY_BEAT_SCHEDULE = {
    "seal the leaves that wait": {
        "task": "chain.tasks.seal_leaves",
        "schedule": 5,
        "options": {"expires": 30},
    },
    "send what is signed": {
        "task": "chain.tasks.send_transactions",
        "schedule": 5,
        "options": {"expires": 30},
    },
    "follow the chain": {"task": "chain.tasks.follow_chain", "schedule": 5, "options": {"expires": 30}},
    "check the log": {"task": "chain.tasks.check_log", "schedule": 24 * 60 * 60},
    "relay the forms that wait": {
        "task": "consent.tasks.relay_forms",
        "schedule": 5,
        "options": {"expires": 30},
    },
    "carry out the recoveries that are due": {
        "task": "consent.tasks.carry_out_recoveries",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "compare grants with the chain": {
        "task": "consent.tasks.compare_with_chain",
        "schedule": 24 * 60 * 60,
    },
    "note that workers and beat are alive": {"task": "ehrportal.tasks.beat", "schedule": 10},
    "pick up imports that were left": {"task": "records.tasks.resume_imports", "schedule": 60},
    "classify what nobody has classified": {
        "task": "records.tasks.classify_records",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "send the notices that are due": {
        "task": "patients.tasks.send_notices",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "tell the privacy office what waits": {
        "task": "audit.tasks.tell_privacy_office",
        "schedule": 5 * 60,
        "options": {"expires": 60},
    },
}

# People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_ADAPTER = "accounts.mfa.MFAAdapter"
MFA_FORMS = {
    "login_webauthn": "accounts.forms.SignInByPasskeyForm",
    "authenticate_webauthn": "accounts.forms.SecondFactorByPasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.ReauthenticateByPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# A passkey stands for user name, password and second factor at once, so the device checks the person.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_ISSUER = HOSPITAL_NAME
# Clocks of phones run up to half a minute off.
MFA_TOTP_TOLERANCE = 1
# How many proxies stand before the portal: limits are counted per address, and theirs is nobody's.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
USERSESSIONS_TRACK_ACTIVITY = True

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "ehrportal.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# The largest file a records officer may upload; larger ones go through manage.py import_fhir.
IMPORT_MAX_BYTES = 64 * 1024 * 1024

INVITATION_DAYS = 14
# For so long a signed form can still be relayed; it has to outlive a chain that cannot be reached.
CONSENT_FORM_DAYS = env.int("CONSENT_FORM_DAYS", default=30)
# Where word is sent that a review waits; without it the privacy officer sees it on their first page.
PRIVACY_OFFICE_EMAIL = env("PRIVACY_OFFICE_EMAIL", default="")
# A mail server that does not answer must not hold a worker.
EMAIL_TIMEOUT = 10

# Language, time, static files

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en", "English"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env("TIME_ZONE", default="UTC")

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    BASE_DIR / "verify",
    ("nhsuk", BASE_DIR / "node_modules" / "nhsuk-frontend" / "dist" / "nhsuk"),
    # Keccak-256 for the consent host, which browsers do not have.
    ("noble", BASE_DIR / "node_modules" / "@noble" / "hashes"),
]

UNFOLD = unfold(name=HOSPITAL_NAME, colour=HOSPITAL_COLOUR)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
