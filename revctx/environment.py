"""Typed reads of the environment that say what is wrong with a value."""

import base64
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def read_key(name: str) -> bytes:
    """Read a 32-byte key given as base64.

    Raises:
        ImproperlyConfigured: it is missing, not base64, or of another length.
    """
    return _decode_key(name, env.str(name))


def read_keys(name: str) -> list[bytes]:
    """Read any number of 32-byte keys, base64, commas between; none if unset.

    Raises:
        ImproperlyConfigured: one of them is not base64, or of another length.
    """
    return [_decode_key(name, text) for text in env.list(name, default=[])]


def read_database(name: str) -> dict[str, Any]:
    """Read a PostgreSQL URL; connections live for ten minutes and end statements that hang."""
    config: dict[str, Any] = env.db_url(name, engine="django_prometheus.db.backends.postgresql")
    return config | {
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,  # milliseconds; a host that vanished says nothing, and is let go of
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "prepare_threshold": 1,  # only cursors that bind on the server prepare: `revctx.statements`
            # An idle open transaction would hold back the relay for everybody.
            "options": "-c statement_timeout=30s -c lock_timeout=10s"
            " -c idle_in_transaction_session_timeout=30s",
        },
    }


def _decode_key(name: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be base64.") from error
    if len(key) != 32:
        raise ImproperlyConfigured(f"{name} must hold 32 bytes, base64; it holds {len(key)}.")
    return key
