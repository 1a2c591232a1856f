"""A whole history through the public doors leaves an audit row for every state; a forgotten one is named."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from compliance import consent
from compliance.reconciliation import STATEMENTS, find_unrecorded
from compliance.sealing.requests import request_verification, work_on_verifications
from laboratory.contracts import ExperimentDraft
from laboratory.services import experiments, promotions
from laboratory.tests.factories import LONGER, make_history, work_off
from revctx.tests.database import rows
from revctx.tests.test_event_schemas import _provider, documents  # noqa: F401 (fixtures)
from signals.services.quarantine import quarantine

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])
ADDRESS = "sam.okoro@elsewhere.example"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def promote() -> None:
    """Promote a challenger, take it back, and turn another down."""
    now = datetime.now(UTC).replace(microsecond=0)
    make_history(now=now)
    draft = ExperimentDraft(name="longer memory", challenger=LONGER)
    experiment = experiments.create_experiment(draft=draft, user_id=101, now=now)
    experiments.request_run(experiment_id=experiment.pk, user_id=101, now=now)
    work_off(now=now)
    asked = {"experiment_id": experiment.pk, "reason": "remembers longer", "user_id": 101, "now": now}
    first = promotions.request_promotion(**asked)
    promotions.approve_promotion(promotion_id=first.pk, user_id=102, now=now)
    promotions.roll_back_promotion(promotion_id=first.pk, user_id=102, now=now)
    second = promotions.request_promotion(**asked)
    promotions.reject_promotion(promotion_id=second.pk, user_id=102, now=now)


def go_on() -> None:
    """Do what the history of the events does not: doors that write no event."""
    now = timezone.now()
    quarantine(source="salesforce", reason="unreadable", payload=b"{}", now=now)
    details = {
        "jurisdiction": "AT",
        "notice_version": "v3",
        "source": "form",
        "actor": "system:test",
        "now": now,
    }
    pending = consent.grant(email=ADDRESS, **details)
    consent.confirm(revision_id=pending.id, source="link", actor="system:test", now=now)
    consent.opt_out(
        subject_id=pending.subject_id, jurisdiction="US-CA", source="gpc", actor="system:test", now=now
    )
    request_verification(actor="system:test", now=now)
    work_on_verifications(now=now)


# What broken code, or somebody at the database, would do: a state without its row.
FORGOTTEN = {
    "action": "INSERT INTO action_moves (action_id, name, from_state, to_state, version, actor, reason_code,"
    " at) SELECT id, 'action.expired', state, 'expired', 99, 'user:1', '', now() FROM actions LIMIT 1"
    " RETURNING action_id",
    "account": "INSERT INTO contexts_account (id, created_at, name, attributes, fact_sources)"
    " SELECT gen_random_uuid(), now(), '', '{}', '{}' RETURNING id",
    "context": "UPDATE account_contexts SET band = 'warm' WHERE account_id ="
    " (SELECT account_id FROM account_contexts WHERE band <> 'warm' LIMIT 1) RETURNING account_id",
    "consent": "INSERT INTO consent_revisions (id, subject_id, purpose, channel, number, status,"
    " lawful_basis,"
    " jurisdiction, subscriber_type, notice_version, source, captured_at, actor) SELECT gen_random_uuid(),"
    " subject_id, 'outreach', 'post', 1, 'granted', 'consent', 'DE', 'individual', 'v1', 'x', now(), 'user:1'"
    " FROM consent_revisions LIMIT 1 RETURNING id",
    "quarantine": "INSERT INTO signal_quarantine (id, source, reason, sealed, received_at, request_id, state,"
    " subject_ids) VALUES (gen_random_uuid(), 'x', 'x', '', now(), '', 'open', '{}') RETURNING id",
    "verification": "UPDATE audit_verifications SET id = gen_random_uuid() RETURNING id",
    "promotion": "UPDATE lab.promotion SET state = 'void' WHERE state = 'rejected' RETURNING id",
    "erasure": "UPDATE subjects SET address_hash = NULL, suppression_hash = NULL, wrapped_key = NULL,"
    " sealed_address = NULL, erased_at = now() WHERE id = (SELECT id FROM subjects WHERE erased_at IS NULL"
    " LIMIT 1) RETURNING id",
}


def test_every_state_of_a_whole_history_has_its_row_and_a_forgotten_one_is_named(
    documents: list[dict[str, Any]],  # noqa: F811
) -> None:
    go_on()
    promote()
    reached = {
        name: len(rows(f"SELECT 1 FROM {table}"))
        for name, table in {
            "consent": "consent_revisions", "signal": "signals", "action": "action_moves", "quarantine":
            "signal_quarantine", "context": "contexts_crossing", "account": "contexts_account",
            "verification": "audit_verifications", "promotion": "lab.promotion",
        }.items()
    }  # fmt: skip
    assert all(reached.values()), reached

    assert find_unrecorded(since=LONG_AGO) == {}
    out = StringIO()
    call_command("reconcile_audit", stdout=out)
    assert "Every state has its audit row" in out.getvalue()

    for name, statement in FORGOTTEN.items():
        [(forgotten, *_), *_] = rows(statement)
        assert str(forgotten) in find_unrecorded(since=LONG_AGO, names={name})[name], name
    with pytest.raises(CommandError, match="does not know"):
        call_command("reconcile_audit", stdout=StringIO())


def test_only_what_was_reached_since_is_asked(db: None) -> None:
    rows(FORGOTTEN["quarantine"])

    assert find_unrecorded(since=timezone.now() - timedelta(minutes=1), names={"quarantine"})
    assert not find_unrecorded(since=timezone.now() + timedelta(minutes=1), names={"quarantine"})
    assert not find_unrecorded(since=timezone.now(), names={str(uuid4())})


def test_every_app_with_states_is_reconciled() -> None:
    assert {"signal", "context", "account", "action", "consent", "erasure", "promotion"} <= set(STATEMENTS)
