"""The environment of a local stack's processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

from revctx.devstack import roles
from revctx.devstack.ports import LOOPBACK, ServiceError

DEFAULT_PORT = 8000
NEEDED_DATABASES = ("DATABASE_URL", "OWNER_DATABASE_URL", "LAB_DATABASE_URL")
# What a person may choose for a local stack, in the environment or in `.env`.
CHOICES = (
    "APPROVAL_HOLD_SECONDS",
    "EMAIL_DAILY_LIMIT_PER_ACCOUNT",
    "HIGH_INTENT_THRESHOLD",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "SENDER_NAME",
)
# Never from `.env`, which is the composed stack's: a local one must not reach a provider by accident.
PROVIDERS = ("OUTREACH_BASE_URL", "OUTREACH_API_KEY", "ENRICHMENT_BASE_URL", "ENRICHMENT_API_KEY")
# All that a laboratory process may know of the environment.
LABORATORY_VARIABLES = (
    "DJANGO_SETTINGS_MODULE", "HOME", "LAB_DATABASE_URL", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOG_FORMAT",
    "LOG_LEVEL", "PATH", "PROMETHEUS_MULTIPROC_DIR", "PYTHONPATH", "PYTHONUNBUFFERED", "REVCTX_PROFILE",
    "REVCTX_URL", "TMPDIR", "TZ",
)  # fmt: skip


@dataclass(frozen=True)
class GivenServers:
    """Servers that the environment names; each replaces the embedded one."""

    databases: dict[str, str] = field(default_factory=dict)
    redis: str = ""
    kafka: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "GivenServers":
        """Read them.

        Raises:
            ServiceError: a database is given for some roles only.
        """
        databases = {name: environment[name] for name in roles.URL_VARIABLES if environment.get(name)}
        missing = [name for name in NEEDED_DATABASES if name not in databases]
        if databases and missing:
            raise ServiceError(
                f"{' and '.join(databases)} name an external database, but {' and '.join(missing)} "
                "is not set: give all of them, or none to use the embedded PostgreSQL"
            )
        redis, kafka = environment.get("REDIS_URL", ""), environment.get("KAFKA_BOOTSTRAP_SERVERS", "")
        return cls(databases, redis, kafka)


def read_port(environment: Mapping[str, str]) -> int:
    """Return the port of the web server, REVCTX_PORT or 8000.

    Raises:
        ServiceError: it is not a port.
    """
    text = environment.get("REVCTX_PORT", "") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ServiceError(f"REVCTX_PORT must be a port, 1 to 65535, not {text!r}")
    return int(text)


def read_choices(environment: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """Return what the person chose; the environment wins over the file, empty values count as none."""
    chosen: dict[str, str] = {}
    if env_file.exists():
        pairs = (line.split("=", 1) for line in env_file.read_text().splitlines() if "=" in line)
        found = {name.strip(): value.strip().strip("\"'") for name, value in pairs}
        chosen |= {name: found[name] for name in CHOICES if found.get(name)}
    return chosen | {name: environment[name] for name in (*CHOICES, *PROVIDERS) if environment.get(name)}


def product_variables(
    *, web_port: int, sandbox_port: int, folder: Path, secrets: Mapping[str, str]
) -> dict[str, str]:
    """Return the settings of a local stack apart from the addresses of its servers."""
    sandbox = f"http://{LOOPBACK}:{sandbox_port}"
    return {
        "REVCTX_PROFILE": "local",
        "EXECUTION_MODE": "production",
        "DJANGO_SETTINGS_MODULE": "revctx.settings",
        "REVCTX_URL": f"http://{LOOPBACK}:{web_port}",
        "REVCTX_PORT": str(web_port),
        "SANDBOX_URL": sandbox,
        "OUTREACH_BASE_URL": f"{sandbox}/api/v2",
        "OUTREACH_API_KEY": "sandbox",
        "ENRICHMENT_BASE_URL": f"{sandbox}/v2",
        "ENRICHMENT_API_KEY": "sandbox",
        "APPROVAL_HOLD_SECONDS": "10",
        "LOG_LEVEL": "WARNING",  # of commands in a terminal; the processes write more into their files
        "AUDIT_ANCHOR_DIR": str(folder / "anchors"),
        "ERASURE_JOURNAL_DIR": str(folder / "erasures"),
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        "CELERY_BEAT_FILE": str(folder / "beat"),
        **{name: value for name, value in secrets.items() if name != "REDIS_PASSWORD"},
    }


def laboratory_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a laboratory process may know: its own database role, and no secret of the product.

    The SECRET_KEY is drawn anew at each start: such a process signs nothing that another one reads.
    """
    kept = {name: environment[name] for name in LABORATORY_VARIABLES if name in environment}
    return kept | {"EXECUTION_MODE": "laboratory", "SECRET_KEY": token_urlsafe(50)}
