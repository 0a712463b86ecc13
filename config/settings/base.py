"""Settings that every way of running shares. Environment variables are listed in the README."""

import os
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Any

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.environment import BASE_DIR, env, env_path
from config.logs import is_crash

# Lets classes of Django be written with their type parameters where it lacks that itself.
django_stubs_ext.monkeypatch()

VERSION = "0.4.0"

# Where things are kept
DATA_DIR = env_path("DATA_DIR", "var")
MEDIA_ROOT = env_path("MEDIA_ROOT", "media")
MODEL_DIR = env_path("MODEL_DIR", "var/models")
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# The path at which a proxy in front serves the application; empty at the root of a name.
SUB_PATH = env.str("FORCE_SCRIPT_NAME", default="").strip("/")
FORCE_SCRIPT_NAME = f"/{SUB_PATH}" if SUB_PATH else ""
COOKIE_PATH = f"{FORCE_SCRIPT_NAME}/"
STATIC_URL = f"{COOKIE_PATH}static/"
MEDIA_URL = f"{COOKIE_PATH}media/"  # nothing is served there: pictures go through views

PORT = env.int("PORT", default=8000)
DEBUG = False
# Keys of earlier days still open what was sealed with them; new things get SECRET_KEY.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "accounts",
    "images",
    "processing",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "django_filters",
    "django_q",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.slashes.Slashes",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "accounts.web.middleware.FirstRun",
    "accounts.web.middleware.LastSeen",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.activity.SessionActivity",
    "accounts.doors.ProviderDoor",
    "accounts.doors.PasskeyDoor",
    "accounts.doors.UnreadableSecrets",
    "accounts.middleware.PrivatePages",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Database: SQLite is tuned for one machine with several processes (IMMEDIATE transactions
# never fail "database is locked" on an upgrade from read to write; WAL lets readers go on).
# synchronous=NORMAL: a commit survives any crash of ours; the last ones may be lost with the power.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
}
DATABASES["default"].update(
    ATOMIC_REQUESTS=False,
    CONN_MAX_AGE=600,
    CONN_HEALTH_CHECKS=True,
)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY;"
            "PRAGMA mmap_size=134217728;PRAGMA journal_size_limit=67108864;"
            "PRAGMA cache_size=-16000;"
        ),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Cache: rate limits must be shared by all processes, so never the per-process memory cache.
REDIS_URL = env.str("REDIS_URL", default="")
CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {
            "BACKEND": "config.cache.FileCache",
            "LOCATION": DATA_DIR / "cache",
            "OPTIONS": {"MAX_ENTRIES": 20000},
        }
    )
}

# Pictures: on the disk, or in a bucket. Who may use that is told as boto3 wants it told.
S3_BUCKET = env.str("S3_BUCKET", default="")
if S3_BUCKET and find_spec("storages") is None:
    raise ImproperlyConfigured("S3_BUCKET is set, and requirements-s3.txt is not installed.")
STORAGES: dict[str, dict[str, Any]] = {
    "default": (
        {
            "BACKEND": "config.storage.BucketStorage",
            "OPTIONS": {
                "bucket_name": S3_BUCKET,
                "endpoint_url": env.str("S3_ENDPOINT_URL", default="") or None,
                "region_name": env.str("S3_REGION", default="") or None,
            },
        }
        if S3_BUCKET
        else {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    ),
    "staticfiles": {
        "BACKEND": "config.static.ManifestStorage",
    },
}

# The queue. retry must outlast everything a wake-up may wait for, else it is delivered twice:
# harmless, since a wake-up claims whatever is eligible, but wasteful. A system check watches it.
CPU_COUNT = (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)
# As scripts/bench/workers.py measured: as many workers as processors, since half of a run is not
# the network, and two threads for the network of each. From three on a guess, with memory in mind.
WORKERS = env.int("WORKERS", default=CPU_COUNT if CPU_COUNT <= 2 else (CPU_COUNT + 2) // 2)
ENGINE_THREADS = env.int("ENGINE_THREADS", default=min(2, CPU_COUNT))
# Processes for engines that take long, made when there is such work; 0: none are offered
SLOW_WORKERS = env.int("SLOW_WORKERS", default=1)
Q_CLUSTER: dict[str, Any] = {
    "name": "clearcut",
    "orm": "default",
    "workers": WORKERS,
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.05,
    "timeout": 150,
    "retry": 480,
    "max_attempts": 3,
    "ack_failures": True,
    "recycle": 500,
    "max_rss": None,
    "guard_cycle": 0.5,
    "catch_up": False,
    "save_limit": 250,
    "label": "Queue",
}

# Accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "web:workspace"
LOGOUT_REDIRECT_URL = "home"
SIGNUP = env.str("SIGNUP", default="")  # without it, the administrator decides on a page
if SIGNUP not in {"", "open", "invitation", "closed"}:
    raise ImproperlyConfigured(f"SIGNUP is {SIGNUP!r}; it can be open, invitation or closed.")
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.agreement.Agreement"
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this session stays; every other one ends
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_FORMS = {"add_email": "accounts.email_form.ChangeEmailForm"}
# Whoever asks gets the same answer, and as slowly, whether an address has an account or not.
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# Attempts per address of the network (ip), per account (key, user). See docs/accounts.md.
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reauthenticate": "10/m/user",
    "signup": "20/m/ip",
    "first_run": "20/m/ip",
    "invitation": "20/m/ip",
    "takeout": "10/h/user",
    "leave": "10/m/user",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "confirm_email": "1/3m/key",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
}
MFA_RATE_LIMITS = {"webauthn_login": "30/m/ip", "webauthn_options": "60/m/ip"}
MFA_ADAPTER = "accounts.mfa.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False
MFA_TOTP_ISSUER = "Clearcut"
# Where addresses are verified, nobody is signed in with one that is not.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "add_webauthn": "accounts.passkeys.AddPasskeyForm",
    "edit_webauthn": "accounts.passkeys.RenamePasskeyForm",
    "login_webauthn": "accounts.passkeys.LoginForm",
    "authenticate_webauthn": "accounts.passkeys.AuthenticateForm",
    "reauthenticate_webauthn": "accounts.passkeys.ReauthenticateForm",
}
USERSESSIONS_TRACK_ACTIVITY = True

# Signing in at a company's own provider (OpenID Connect); off until there is an address.
OIDC_SERVER_URL = env.str("OIDC_SERVER_URL", default="")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_NAME = env.str("OIDC_NAME", default="OpenID Connect")
OIDC_SIGNUP = env.bool("OIDC_SIGNUP", default=True)
OIDC_TRUST_EMAIL = env.bool("OIDC_TRUST_EMAIL", default=False)
if OIDC_SERVER_URL and not OIDC_CLIENT_ID:
    raise ImproperlyConfigured("OIDC_SERVER_URL is set, so OIDC_CLIENT_ID must be set, too.")
SOCIALACCOUNT_ADAPTER = "accounts.provider.ProviderAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = OIDC_TRUST_EMAIL
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {"openid_connect": {"APPS": []}}
if OIDC_SERVER_URL:
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = [
        {
            "provider_id": "company",
            "name": OIDC_NAME,
            "client_id": OIDC_CLIENT_ID,
            "secret": OIDC_CLIENT_SECRET,
            "settings": {"server_url": OIDC_SERVER_URL, "oauth_pkce_enabled": True},
        }
    ]

# Days without a sign of life until an account is deleted, after a warning; 0 keeps them for ever
UNUSED_ACCOUNT_DAYS = env.int("UNUSED_ACCOUNT_DAYS", default=0)
# What the sweep does beside its own jobs, which know nothing of accounts
SWEEP_JOBS = {
    "warned of being deleted": "accounts.services.unused.warn_unused",
    "unused accounts given up": "accounts.services.unused.delete_unused",
}

# E-mail goes to the console until an address of a mail server is given; only then are
# addresses verified, so that a missing mail server never stands before a first cutout.
EMAIL_URL = env.str("EMAIL_URL", default="consolemail://")
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Clearcut <clearcut@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
HAS_MAIL_SERVER = EMAIL_URL.startswith("smtp")
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if HAS_MAIL_SERVER else "none"
ACCOUNT_EMAIL_NOTIFICATIONS = HAS_MAIL_SERVER

# Pictures
MAX_UPLOAD_BYTES = int(env.float("MAX_UPLOAD_MB", default=25) * 1024 * 1024)
MAX_PIXELS = int(env.float("MAX_MEGAPIXELS", default=50) * 1_000_000)
MAX_REQUEST_BYTES = 12 * MAX_UPLOAD_BYTES
MAX_FILES_PER_UPLOAD = env.int("MAX_FILES_PER_UPLOAD", default=50)
DEFAULT_ENGINE = env.str("DEFAULT_ENGINE", default="u2net")
RENDER_SLOTS = env.int("RENDER_SLOTS", default=2)
RENDER_WAIT_SECONDS = 10
RENDITION_CACHE_BYTES = env.int("RENDITION_CACHE_MB", default=2048) * 1024 * 1024
TRASH_DAYS = env.int("TRASH_DAYS", default=30)

# Fetching pictures from addresses that programs name
IMPORTS = env.bool("IMPORTS", default=True)
IMPORT_SECONDS = env.float("IMPORT_SECONDS", default=10)
IMPORT_PORTS = [int(port) for port in env.list("IMPORT_PORTS", default=["80", "443"])]
IMPORT_NETWORKS = [ip_network(network) for network in env.list("IMPORT_NETWORKS", default=[])]

# Messages to other programs' addresses; networks are those of imports
WEBHOOKS = env.bool("WEBHOOKS", default=True)
WEBHOOK_PORTS = [int(port) for port in env.list("WEBHOOK_PORTS", default=["80", "443"])]

# Another server that cuts pictures out, by the API of remove.bg; no address: none is asked
SERVICE_ENGINE_URL = env.str("SERVICE_ENGINE_URL", default="")
SERVICE_ENGINE_KEY = env.str("SERVICE_ENGINE_KEY", default="")
SERVICE_ENGINE_SECONDS = env.float("SERVICE_ENGINE_SECONDS", default=60)

# Public addresses: days until they end (0: never). From these networks /remove-bg takes pictures
# without a key, in the name of one person.
SHARE_DAYS = env.int("SHARE_DAYS", default=30)
OPEN_NETWORKS = [ip_network(network) for network in env.list("OPEN_NETWORKS", default=[])]
OPEN_NETWORKS_USER = env.str("OPEN_NETWORKS_USER", default="")

# Retention; 0 keeps for ever
ORIGINAL_DAYS = env.int("ORIGINAL_DAYS", default=0)
RESULT_DAYS = env.int("RESULT_DAYS", default=0)

# Finished cutouts are also written here, for other programs
EXPORT_DIR = env_path("EXPORT_DIR", "") if env.str("EXPORT_DIR", default="") else None
EXPORT_PARAMETERS = env.str("EXPORT_PARAMETERS", default="format=png")

# When /readyz says no: too little room on the disk, or work that nobody takes up for so long
MIN_FREE_BYTES = env.int("MIN_FREE_MB", default=1024) * 1024 * 1024
MAX_QUEUE_SECONDS = env.int("MAX_QUEUE_SECONDS", default=600)

WEB_THREADS = env.int("WEB_THREADS", default=16)
FILE_UPLOAD_HANDLERS = [
    "images.upload_handlers.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_TEMP_DIR: str | None = None
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_FILES_PER_UPLOAD
FILE_UPLOAD_PERMISSIONS = 0o640
# Where nginx finds MEDIA_ROOT; then folders are for its group as well, as files are.
X_ACCEL_PREFIX = env.str("X_ACCEL_PREFIX", default="").strip("/")
X_ACCEL_PREFIX = f"/{X_ACCEL_PREFIX}/" if X_ACCEL_PREFIX else ""
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750 if X_ACCEL_PREFIX else None

# API
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["images.api.parsers.ShallowJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "images.api.pagination.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "images.api.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": [
        "images.api.throttles.AnonymousThrottle",
        "images.api.throttles.UserThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "user": env.str("API_RATE", default="1200/min"),
        "upload": env.str("UPLOAD_RATE", default="300/min"),
        "anonymous": env.str("ANONYMOUS_RATE", default="60/min"),
    },
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "NUM_PROXIES": TRUSTED_PROXY_COUNT,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "images.api.errors.Handler"}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Clearcut API",
    "VERSION": "1",
    "DESCRIPTION": (
        "Remove image backgrounds on your own machine.\n\n"
        "Three more interfaces take the same API tokens. `POST /remove-bg` answers one picture's "
        "public address as JSON. Programs written for the API of remove.bg find it at "
        "`/v1.0/removebg` and `/v1.0/account`, those written for rembg's server at `/api/remove`. "
        "Change the address and the key in such a program, and nothing else."
    ),
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "images.compat.openapi.describe",
    ],
    "SERVERS": [{"url": FORCE_SCRIPT_NAME}] if FORCE_SCRIPT_NAME else [],
}

# Security headers
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: []
    for name in ("accelerometer", "geolocation", "gyroscope", "microphone", "payment", "usb")
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = COOKIE_PATH
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# Language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "filters": {
        "crashes": {"()": "django.utils.log.CallbackFilter", "callback": is_crash},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR", "filters": ["crashes"]},
        "django.security.DisallowedHost": {"level": "ERROR"},
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}
