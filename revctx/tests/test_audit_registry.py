"""Every state transition of every app writes an audit row: names, legal moves and code agree."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

from compliance.audit import TRANSITIONS
from compliance.breaches.rules import Decision
from compliance.privacy.states import Move
from orchestration.policy import AUDIT_NAMES, MOVES
from revctx.tests.audited_states import AUDITED, NO_TRANSITION

ROOT = Path(settings.BASE_DIR)
APPS = ("revctx", "signals", "contexts", "orchestration", "compliance", "laboratory", "integrations")
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for app in APPS
    for path in (ROOT / app).rglob("*.py")
    if not {"tests", "migrations"} & set(path.parts)
}
REGISTRATIONS = {"apps.py", "registration.py", "policy.py"}
TELLING = {"state", "status", "phase", "band", "merged_into"}


@cache
def strings_of(path, text):
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("name", sorted(TRANSITIONS))
def test_every_registered_name_is_written_somewhere(name):
    """A name that no code writes is a transition whose row was forgotten."""
    if name in AUDIT_NAMES:
        return  # written by the one function that makes moves, see below
    noun = name.partition(".")[0]
    writers = [
        path
        for path, text in SOURCES.items()
        if path.name not in REGISTRATIONS
        and (name in strings_of(path, text) or re.search(rf'f"{noun}\.{{[a-z_.]+}}"', text))
    ]
    assert writers, f"nothing writes {name}"


def test_every_recorded_name_is_registered():
    recorded = {
        node.value.value
        for path, text in SOURCES.items()
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in {"AuditEntry", "record_audit"}
        for node in call.keywords
        if node.arg == "name" and isinstance(node.value, ast.Constant)
    }
    assert recorded
    assert recorded <= set(TRANSITIONS)


def test_every_legal_move_of_an_action_has_a_registered_name():
    assert {rule.audit_name for rule in MOVES.values()} <= {
        name for name, app in TRANSITIONS.items() if app == "orchestration"
    }
    assert all(rule.audit_name for rule in MOVES.values())


def looks_like_a_state(field):
    """Tell whether a field is one that code changes later: a choice, a switch, a time still to come."""
    is_later = isinstance(field, models.DateTimeField) and field.null
    return bool(field.choices or field.name in TELLING or is_later or isinstance(field, models.BooleanField))


def list_states():
    ours = [model for model in apps.get_models() if model.__module__.split(".")[0] in APPS]
    return {
        f"{model._meta.label}.{field.name}"
        for model in ours
        for field in model._meta.fields
        if looks_like_a_state(field)
    }


def test_every_field_that_looks_like_a_state_says_how_its_changes_are_audited():
    audited = {f"{label}.{field}" for label, said in AUDITED.items() for field in said.fields.split()}

    assert not audited & set(NO_TRANSITION)
    assert list_states() == audited | set(NO_TRANSITION)
    assert all(NO_TRANSITION.values())


@pytest.mark.parametrize("label", sorted(AUDITED))
def test_the_audit_names_of_a_state_are_registered(label):
    assert AUDITED[label].names
    assert AUDITED[label].names <= set(TRANSITIONS)


def test_the_names_of_tables_of_moves_are_all_in_the_registry():
    assert {f"privacy_request.{move.value}" for move in Move} <= AUDITED["compliance.PrivacyRequest"].names
    assert {f"breach.{decision.value}" for decision in Decision} == AUDITED["compliance.Breach"].names
    assert AUDITED["orchestration.Action"].names <= set(AUDIT_NAMES) <= set(TRANSITIONS)
