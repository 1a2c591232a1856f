"""A complete environment for the settings that points at no server.

For what reads the settings but talks to nobody: static checks, and the pytest controller.
"""

import base64
import hashlib
import os
from collections.abc import Sequence

from revctx.devstack import roles

NOWHERE = "127.0.0.1:1"
KEY_VARIABLES = (
    "SUBJECT_KEY_ENCRYPTION_KEY",
    "SUBJECT_HASH_KEY",
    "SUPPRESSION_HASH_KEY",
    "SIGNAL_HASH_KEY",
    "RECEIPT_SIGNING_KEY",
    "AUDIT_SIGNING_KEY",
    "CERTIFICATE_SIGNING_KEY",
)


def example_key(name: str) -> str:
    """Return 32 bytes in base64 that are the same in every run; fit for tests alone."""
    return base64.b64encode(hashlib.sha256(f"test:{name}".encode()).digest()).decode()


def static_environment() -> dict[str, str]:
    """Return every variable that the settings need in the test profile."""
    addresses = {name: f"postgresql://{role}@{NOWHERE}/revctx" for name, role in roles.URL_VARIABLES.items()}
    return {
        "REVCTX_PROFILE": "test",
        "DJANGO_SETTINGS_MODULE": "revctx.settings",
        "SECRET_KEY": example_key("SECRET_KEY"),
        "SALESFORCE_WEBHOOK_SECRETS": "test-webhook-secret",
        "REDIS_URL": f"redis://{NOWHERE}/0",
        "KAFKA_BOOTSTRAP_SERVERS": NOWHERE,
        "OUTREACH_BASE_URL": f"http://{NOWHERE}",
        "OUTREACH_API_KEY": "test-outreach-key",
        "ENRICHMENT_BASE_URL": f"http://{NOWHERE}",
        "ENRICHMENT_API_KEY": "test-enrichment-key",
        "OPENAI_BASE_URL": f"http://{NOWHERE}",
        "LOG_LEVEL": "WARNING",
        **addresses,
        **{name: example_key(name) for name in KEY_VARIABLES},
    }


def become(command: Sequence[str]) -> None:
    """Become a command in that environment; does not return."""
    os.environ.update(static_environment())
    os.execvp(command[0], list(command))  # noqa: S606
