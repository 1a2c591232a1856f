"""All settings, read from the environment; a wrong or missing one stops the start.

Each variable is described, with its unit and effect, in `.env.example`.
"""

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from revctx import local_env
from revctx.api.configuration import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401
from revctx.environment import env, read_database, read_key, read_keys
from revctx.observability.logging import configure_logging

BASE_DIR = Path(__file__).resolve().parent.parent
local_env.load()

# --- profile ---------------------------------------------------------------------------------
PROFILE = env.str("REVCTX_PROFILE", "production")
if PROFILE not in {"local", "test", "production"}:
    raise ImproperlyConfigured(f"REVCTX_PROFILE must be local, test or production, not {PROFILE!r}.")
EXECUTION_MODE = env.str("EXECUTION_MODE", "production")
if EXECUTION_MODE not in {"production", "laboratory"}:
    raise ImproperlyConfigured(f"EXECUTION_MODE must be production or laboratory, not {EXECUTION_MODE!r}.")
UNKNOWN_SIGNAL_TYPES = env.str("UNKNOWN_SIGNAL_TYPES", "quarantine")
if UNKNOWN_SIGNAL_TYPES not in {"quarantine", "accept"}:
    raise ImproperlyConfigured(
        f"UNKNOWN_SIGNAL_TYPES must be quarantine or accept, not {UNKNOWN_SIGNAL_TYPES!r}."
    )
LABORATORY_MODE = EXECUTION_MODE == "laboratory"

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY")
PUBLIC_URL = env.str("REVCTX_URL", "http://127.0.0.1:8000").rstrip("/")
# Whose calls `manage.py mcp_server` makes over standard input; over HTTP each request brings its own.
REVCTX_MCP_TOKEN = env.str("REVCTX_MCP_TOKEN", "")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- applications ----------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "revctx.observability",
    "revctx.api",
    "revctx.eventbus",
    "compliance",
    "signals",
    "integrations",
    "contexts",
    "orchestration",
    "laboratory",
    "revctx.web",
    "revctx",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "revctx.observability.middleware.RequestIdMiddleware",
    "revctx.observability.middleware.RequestMetricsMiddleware",
    "revctx.api.lean_path.LeanPathMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "revctx.api.idempotency.IdempotencyMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "revctx.urls"
WSGI_APPLICATION = "revctx.wsgi.application"
APPEND_SLASH = False
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
                "revctx.web.context_processors.navigation",
            ],
        },
    }
]

# --- databases -------------------------------------------------------------------------------
# Every process works as the app role, which owns nothing; `migrate` and retention use the owner.
# In laboratory mode no other role than the laboratory's is known to the process at all.
if LABORATORY_MODE:
    DATABASES = {"default": read_database("LAB_DATABASE_URL")}
    DATABASES["lab"] = DATABASES["default"]
else:
    DATABASES = {"default": read_database("DATABASE_URL"), "lab": read_database("LAB_DATABASE_URL")}
    for _alias, _name in {"owner": "OWNER_DATABASE_URL", "auditor": "AUDITOR_DATABASE_URL"}.items():
        if _name in env.ENVIRON:
            DATABASES[_alias] = read_database(_name)
DATABASE_ROUTERS = ["laboratory.router.LaboratoryRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: hints and caches only ------------------------------------------------------------
REDIS_URL = "" if LABORATORY_MODE else env.str("REDIS_URL")
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django_prometheus.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "TIMEOUT": 300,
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.DefaultClient",
            "SOCKET_CONNECT_TIMEOUT": 1,
            "SOCKET_TIMEOUT": 2,
        },
    }
}
if LABORATORY_MODE:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Kafka -----------------------------------------------------------------------------------
KAFKA_BOOTSTRAP_SERVERS = "" if LABORATORY_MODE else env.str("KAFKA_BOOTSTRAP_SERVERS")
KAFKA_TOPIC_PARTITIONS = env.int("KAFKA_TOPIC_PARTITIONS", 12)
KAFKA_REPLICATION_FACTOR = env.int("KAFKA_REPLICATION_FACTOR", 1)
# The embedded broker keeps about 5 MB a partition, so the relay must not run far ahead of readers.
RELAY_MAX_AHEAD = env.int("RELAY_MAX_AHEAD", 2_000 if PROFILE != "production" else 0)
# Group → the topics that it reads, and the Celery task that does the work.
EVENT_GROUPS: dict[str, dict[str, Any]] = {
    "context-engine": {
        "topics": ["signal.ingested"],
        "task": "contexts.tasks.process_work",
        "queue": "context-engine",
    },
    "orchestration-engine": {
        "topics": ["context.updated", "consent.changed"],
        "task": "orchestration.tasks.process_work",
        "queue": "orchestration-engine",
    },
}
BRIDGE_MAX_OPEN_ITEMS = env.int("BRIDGE_MAX_OPEN_ITEMS", 10_000)
# Workers of each Celery queue that `/health/workers` expects to be alive.
EXPECTED_WORKERS = {"context-engine": 3, "orchestration-engine": 2, "default": 1}
OUTBOX_RETENTION_DAYS = env.int("OUTBOX_RETENTION_DAYS", 7)

# --- API -------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024  # bytes; the views of single objects allow 256 KiB

SIGNALS_PER_SECOND_PER_TOKEN = env.float("SIGNALS_PER_SECOND_PER_TOKEN", 5_000)  # 0: no limit
SIGNAL_BURST_SECONDS = env.float("SIGNAL_BURST_SECONDS", 10)  # of that rate, after a pause
# Ingestion answers 503 when the database's disk has less room, or the database holds more, than this.
DATABASE_DISK_PATH = env.str("DATABASE_DISK_PATH", "")
DATABASE_MIN_FREE_BYTES = env.int("DATABASE_MIN_FREE_BYTES", 1_073_741_824)
DATABASE_MAX_BYTES = env.int("DATABASE_MAX_BYTES", 0)

# --- people ----------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_VERBOSE = False
AXES_USERNAME_CALLABLE = "revctx.web.attempts.name_attempt"
AXES_LOCKOUT_TEMPLATE = "web/locked.html"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", False) else None
SECURE_HSTS_SECONDS = 31_536_000 if PUBLIC_URL.startswith("https://") else 0
CSRF_FAILURE_VIEW = "revctx.web.errors.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/api/docs"],  # the vendored Swagger page starts itself with an inline script
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- language, time, static files ------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = PROFILE != "production"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PROFILE == "production"
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- personal data ---------------------------------------------------------------------------
if not LABORATORY_MODE:
    SUBJECT_KEK = read_key("SUBJECT_KEY_ENCRYPTION_KEY")
    SUBJECT_KEK_PREVIOUS = read_keys("SUBJECT_KEK_PREVIOUS")
    SUBJECT_HASH_KEY = read_key("SUBJECT_HASH_KEY")
    SUPPRESSION_HASH_KEY = read_key("SUPPRESSION_HASH_KEY")
    SIGNAL_HASH_KEY = read_key("SIGNAL_HASH_KEY")
    RECEIPT_SIGNING_KEY = read_key("RECEIPT_SIGNING_KEY")
    CERTIFICATE_SIGNING_KEY = read_key("CERTIFICATE_SIGNING_KEY")
ERASURE_JOURNAL_DIR = env.str("ERASURE_JOURNAL_DIR", "")

# --- seal of the audit log: the signing key is the sealer's alone ------------------------------
AUDIT_ANCHOR_DIR = env.str("AUDIT_ANCHOR_DIR", "")
AUDIT_SIGNING_KEY = read_key("AUDIT_SIGNING_KEY") if env.str("AUDIT_SIGNING_KEY", "") else b""

# --- product ---------------------------------------------------------------------------------
HIGH_INTENT_THRESHOLD = env.float("HIGH_INTENT_THRESHOLD", 70.0)
EMAIL_DAILY_LIMIT_PER_ACCOUNT = env.int("EMAIL_DAILY_LIMIT_PER_ACCOUNT", 2)
APPROVAL_HOLD_SECONDS = env.int("APPROVAL_HOLD_SECONDS", 30)
APPROVAL_EXPIRY_HOURS = env.int("APPROVAL_EXPIRY_HOURS", 72)
APPROVAL_CLAIM_SECONDS = env.int("APPROVAL_CLAIM_SECONDS", 300)
CONTROLLER_NAME = env.str("CONTROLLER_NAME", "")
SENDER_NAME = env.str("SENDER_NAME", "Mia Kovač")
ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS = env.int("ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS", 500_000)

# --- other people's servers ------------------------------------------------------------------
OPENAI_API_KEY = env.str("OPENAI_API_KEY", "")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", "https://api.openai.com/v1")
OPENAI_MODEL = env.str("OPENAI_MODEL", "gpt-5-mini")
OPENAI_PRICES = env.list("OPENAI_PRICES", cast=float, default=[])  # dollars a million tokens: in, out
OUTREACH_BASE_URL = env.str("OUTREACH_BASE_URL", "https://api.outreach.io/api/v2")
OUTREACH_API_KEY = env.str("OUTREACH_API_KEY", "")
OUTREACH_OAUTH_URL = env.str("OUTREACH_OAUTH_URL", "https://api.outreach.io/oauth").rstrip("/")
OUTREACH_CLIENT_ID = env.str("OUTREACH_CLIENT_ID", "")
OUTREACH_CLIENT_SECRET = env.str("OUTREACH_CLIENT_SECRET", "")
OUTREACH_REDIRECT_URI = env.str("OUTREACH_REDIRECT_URI", "")
OUTREACH_REFRESH_TOKEN = env.str("OUTREACH_REFRESH_TOKEN", "")
ENRICHMENT_BASE_URL = env.str("ENRICHMENT_BASE_URL", "https://company.clearbit.com/v2")
ENRICHMENT_API_KEY = env.str("ENRICHMENT_API_KEY", "")
SALESFORCE_ORGANIZATION_ID = env.str("SALESFORCE_ORGANIZATION_ID", "")
SALESFORCE_OUTBOUND_KEYS = env.list("SALESFORCE_OUTBOUND_KEYS", default=[])
SALESFORCE_LOGIN_URL = env.str("SALESFORCE_LOGIN_URL", "").rstrip("/")
SALESFORCE_CLIENT_ID = env.str("SALESFORCE_CLIENT_ID", "")
SALESFORCE_CLIENT_SECRET = env.str("SALESFORCE_CLIENT_SECRET", "")
SALESFORCE_CHANGE_TOPIC = env.str("SALESFORCE_CHANGE_TOPIC", "")
SALESFORCE_PUBSUB_URL = env.str("SALESFORCE_PUBSUB_URL", "https://api.pubsub.salesforce.com:7443")
SALESFORCE_TASK_REFERENCE_FIELD = env.str("SALESFORCE_TASK_REFERENCE_FIELD", "")
SALESFORCE_WEBHOOK_SECRETS = env.list("SALESFORCE_WEBHOOK_SECRETS", default=[])
HUBSPOT_WEBHOOK_SECRETS = env.list("HUBSPOT_WEBHOOK_SECRETS", default=[])
HUBSPOT_MAPPING = env.str("HUBSPOT_MAPPING", "")
HUBSPOT_PRIVACY_JURISDICTION = env.str("HUBSPOT_PRIVACY_JURISDICTION", "EU")
SEGMENT_WEBHOOK_SECRETS = env.list("SEGMENT_WEBHOOK_SECRETS", default=[])
SEGMENT_MAPPING = env.str("SEGMENT_MAPPING", "")
INBOUND_LOG_DAYS = env.int("INBOUND_LOG_DAYS", 30)
ALLOW_UNSIGNED_WEBHOOKS = PROFILE == "local"

# --- guards ----------------------------------------------------------------------------------
if PROFILE == "production" and DEBUG:
    raise ImproperlyConfigured("DEBUG must be off in production.")
if PROFILE == "production" and len(SECRET_KEY) < 40:
    raise ImproperlyConfigured("SECRET_KEY must have at least 40 characters in production.")
if PROFILE != "local" and not LABORATORY_MODE and not SALESFORCE_WEBHOOK_SECRETS:
    raise ImproperlyConfigured(
        "SALESFORCE_WEBHOOK_SECRETS is empty: unsigned webhooks are allowed in the local profile only."
    )
if not 0 < HIGH_INTENT_THRESHOLD < 100:
    raise ImproperlyConfigured("HIGH_INTENT_THRESHOLD must lie between 0 and 100.")

# --- logs ------------------------------------------------------------------------------------
LOGGING_CONFIG = None
configure_logging(json=env.str("LOG_FORMAT", "json") == "json", level=env.str("LOG_LEVEL", "INFO"))
