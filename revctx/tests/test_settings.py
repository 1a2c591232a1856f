"""A process with a wrong setting must not start."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from revctx.devstack.static_env import static_environment

PRODUCTION = static_environment() | {"REVCTX_PROFILE": "production", "SECRET_KEY": "x" * 50}


def start(*, code: str = "import revctx.settings", **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Import the settings in a process of its own; None takes a variable away."""
    variables = {"PATH": os.environ["PATH"], **PRODUCTION, **changes}
    environment = {name: value for name, value in variables.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_complete_environment_starts():
    assert start().returncode == 0


@pytest.mark.parametrize(("profile", "limit"), [("production", "0"), ("local", "2000")])
def test_the_relay_waits_for_nobody_in_production(profile, limit):
    code = "import revctx.settings as s; print(s.RELAY_MAX_AHEAD)"
    assert start(code=code, REVCTX_PROFILE=profile).stdout.strip() == limit


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SALESFORCE_WEBHOOK_SECRETS": None}, "unsigned webhooks are allowed in the local profile only"),
        ({"SALESFORCE_WEBHOOK_SECRETS": None, "REVCTX_PROFILE": "test"}, "unsigned webhooks"),
        ({"DEBUG": "true"}, "DEBUG must be off"),
        ({"SECRET_KEY": "short"}, "at least 40 characters"),
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"SUBJECT_KEY_ENCRYPTION_KEY": "not base64"}, "SUBJECT_KEY_ENCRYPTION_KEY must be base64"),
        ({"SUBJECT_HASH_KEY": "c2hvcnQ="}, "SUBJECT_HASH_KEY must hold 32 bytes"),
        ({"REVCTX_PROFILE": "staging"}, "REVCTX_PROFILE must be"),
        ({"EXECUTION_MODE": "dry"}, "EXECUTION_MODE must be"),
        ({"HIGH_INTENT_THRESHOLD": "120"}, "HIGH_INTENT_THRESHOLD must lie"),
    ],
)
def test_refuses_to_start_and_says_why(changes, message):
    refused = start(**changes)

    assert refused.returncode != 0
    assert message in refused.stderr


def test_laboratory_mode_needs_only_its_own_database():
    kept = {"REVCTX_PROFILE", "SECRET_KEY", "LAB_DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    without = {name: None for name in PRODUCTION if name not in kept}

    assert start(EXECUTION_MODE="laboratory", **without).returncode == 0
