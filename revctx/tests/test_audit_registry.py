"""Every state transition of every app writes an audit row: names, legal moves and code agree."""

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from compliance.audit import TRANSITIONS
from compliance.privacy.states import Move
from orchestration.policy import AUDIT_NAMES, MOVES

ROOT = Path(settings.BASE_DIR)
APPS = ("revctx", "signals", "contexts", "orchestration", "compliance", "laboratory", "integrations")
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for app in APPS
    for path in (ROOT / app).rglob("*.py")
    if not {"tests", "migrations"} & set(path.parts)
}
REGISTRATIONS = {"apps.py", "registration.py", "policy.py"}
# State fields that are no business transition: what moves them, or why no audit row is due.
WITHOUT_AUDIT = {
    "eventbus.WorkItem": "the bus's bookkeeping; giving up and replaying is audited as work.replayed",
    "laboratory.Run": "only queueing is a decision; the laboratory's role cannot write the audit log",
    "orchestration.DraftRequest": "a queue entry; what comes of it is action.proposed or draft.abstained",
    "orchestration.EnrichmentSpend": "money reserved and settled around one audited call",
    "orchestration.Execution": "moves together with its action, which is audited",
    "orchestration.AgentRun": "a log of its own",
    "orchestration.ActionMove": "the append-only history of audited moves",
}
# Fields of states → the audit names that their changes write.
AUDITED = {
    "orchestration.Action": set(AUDIT_NAMES),
    "compliance.ConsentRevision": {"consent.granted", "consent.revoked"},
    "compliance.AuditVerification": {"audit_verification.requested", "audit_verification.finished"},
    "contexts.MergeCandidate": {"match.noted", "match.dismissed", "match.failed", "account.merged"},
    "compliance.PrivacyRequest": {f"privacy_request.{move.value}" for move in Move},
    "compliance.PrivacyTarget": {"privacy_target.acknowledged", "privacy_target.failed"},
    "signals.QuarantinedPayload": {
        "signal.quarantined", "quarantine.replayed", "quarantine.dismissed",
    },
    "laboratory.Promotion": {
        "promotion.requested", "promotion.approved", "promotion.rejected", "promotion.voided",
        "promotion.rolled_back",
    },
}  # fmt: skip


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


def test_every_model_with_states_says_how_its_changes_are_audited():
    ours = [model for model in apps.get_models() if model.__module__.split(".")[0] in APPS]
    stateful = {
        model._meta.label
        for model in ours
        if {field.name for field in model._meta.fields if field.choices or field.name == "state"}
        & {"state", "status"}
    }
    assert stateful - set(AUDITED) - set(WITHOUT_AUDIT) == set()
    for names in AUDITED.values():
        assert names <= set(TRANSITIONS)
