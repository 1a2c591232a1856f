"""A whole history through the public doors leaves an audit row for every state; a forgotten one is named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from compliance import consent, subject_links, subjects
from compliance.breaches import services as breaches
from compliance.privacy import execution, requests, restrictions
from compliance.reconciliation import STATEMENTS, find_unrecorded
from compliance.sealing.requests import request_verification, work_on_verifications
from contexts.identity_models import MergeCandidate
from contexts.selectors import get_account_id, get_active_configs
from contexts.services import matching, merging, rollouts
from contexts.services.candidates import store_new
from contexts.services.configs import store_configs
from contexts.services.replay_runs import Replay, open_run
from contexts.services.retracting import retract_signals
from integrations.enrichment.services import create_provider
from integrations.generic.services import save_source
from laboratory.contracts import ExperimentDraft
from laboratory.services import experiments, promotions
from laboratory.tests.factories import LONGER, make_history, work_off
from orchestration import budgets
from revctx.celery import app
from revctx.tests.audited_states import AUDITED, ROWS_ASKED_FOR
from revctx.tests.database import rows
from revctx.tests.test_event_schemas import _provider, documents  # noqa: F401 (fixtures)
from signals.services.quarantine import dismiss, quarantine

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])
ADDRESS = "sam.okoro@elsewhere.example"
ACTOR = "user:1"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def journal_folder(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_JOURNAL_DIR = str(tmp_path / "journal")


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
    ask_for_privacy(now)
    reconfigure(now)
    merge_and_split(now)
    buy_and_connect(now)


def ask_for_privacy(now: datetime) -> None:
    """Carry out an erasure, leave a request open, restrict, link and unlink persons, and report a breach."""
    ids = subjects.ensure_subjects(emails=["a@p.example", "b@p.example"], now=now)
    one, other = ids.values()
    link = subject_links.link(subject_id=one, survivor_id=other, actor=ACTOR, now=now)
    subject_links.unlink(link_id=link, actor=ACTOR, now=now)
    restrictions.restrict(subject_id=one, reason="asked", actor=ACTOR, now=now)
    restrictions.lift(subject_id=one, actor=ACTOR, now=now)
    asked = {"email": "a@p.example", "jurisdiction": "DE", "actor": ACTOR, "now": now}
    waiting = requests.create_request(type="access", **asked)
    requests.confirm(request_id=waiting.id, actor=ACTOR, now=now)
    requests.create_request(type="access", **asked)
    requests.create_request(type="restriction", verified_by="officer", **asked)
    for request_id in execution.list_due(now=now):
        execution.run_request(request_id=request_id, now=now)
    breach = breaches.record_breach(
        summary="A list was left on a train.", nature="confidentiality", risk="unlikely", places=["subjects"],
        recorded_until=now, aware_at=now, actor=ACTOR, now=now,
    )  # fmt: skip
    breaches.decide(breach_id=breach.id, move="report_waived", code="risk_unlikely", actor=ACTOR, now=now)
    breaches.decide(breach_id=breach.id, move="telling_waived", code="risk_not_high", actor=ACTOR, now=now)
    breaches.decide(breach_id=breach.id, move="closed", code="", actor=ACTOR, now=now)


def reconfigure(now: datetime) -> None:
    """Begin a rollout, let another supersede it and finish; give a replay up for another."""
    _, weight = get_active_configs()
    for rho in (50.0, 60.0):
        _, version = store_configs(weight=replace(weight, rho=rho), note="other", now=now)
        assert version is not None
        rollout = rollouts.open_rollout(decay_version=1, weight_version=version, actor=ACTOR, now=now)
    while rollout.finished_at is None:
        rollout = rollouts.step(rollout_id=rollout.pk, now=now) or rollout
    for again in (False, True):
        run, _ = open_run(since=None, until=None, topic="", again=again, now=now)
    replay = Replay(run_id=run.pk, clock=timezone.now)
    while run.finished_at is None:
        run = replay.step()


def merge_and_split(now: datetime) -> None:
    """Take a signal back; merge two accounts, another two for good, and turn a match down."""
    first, second = get_account_id("sent"), get_account_id("withdrawn")
    merge = {"kind": "account", "actor": ACTOR, "now": now}
    merging.undo(merge_id=merging.merge(merged_id=first, survivor_id=second, **merge), actor=ACTOR, now=now)
    merging.merge(merged_id=first, survivor_id=second, **merge)
    [(signal_id,)] = rows("SELECT signal_id FROM contexts_ledgerentry LIMIT 1")
    retract_signals(signal_ids=[signal_id], reason="mistaken", actor=ACTOR, now=now)
    pair = MergeCandidate(
        kind="account", merged_id=second, survivor_id=get_account_id("refused"), reason="two_crm_ids",
        created_at=now,
    )  # fmt: skip
    with transaction.atomic():
        store_new([pair], now)
    matching.dismiss(candidate_id=pair.id, actor=ACTOR, now=now)


def buy_and_connect(now: datetime) -> None:
    """Pay for a call, connect a provider and a source, replay and dismiss payloads, and revoke a token."""
    account_id = uuid4()
    spend = budgets.reserve(
        account_id=account_id, provider="p", crossing_id=None, max_micro_dollars=100, now=now
    )
    budgets.settle(spend=spend, micro_dollars=90, outcome="hit", now=now)
    create_provider(
        slug="tech", label="Tech", kind="plain", base_url="https://tech.example", key="k",
        fields=["technologies"], price_micro_dollars=5, position=3, actor=ACTOR, now=now,
    )  # fmt: skip
    make_source = apps.get_model("integrations", "MappedSource")
    source = make_source(slug="forms", label="Forms", type="'demo_requested'", external_id="id")
    save_source(source=source, new_secret="s", forget_former=False, actor=ACTOR, now=now)
    dismissed = quarantine(source="salesforce", reason="unreadable", payload=b"{}", now=now)
    dismiss(payload_id=dismissed, actor=ACTOR, now=now)
    User.objects.create_superuser("root")
    for option in ("--days=3", "--revoke"):
        call_command("mcp_token", "root", option, stdout=StringIO())


# Of these no row is forgotten here: only that a whole history has all of them is tried.
UNTRIED = {"retirement", "key rotation", "signal"}
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
    "privacy request": "UPDATE privacy_requests SET state = 'approved' WHERE state = 'identity_unverified'"
    " RETURNING id",
    "privacy target": "UPDATE privacy_targets SET name = 'elsewhere' WHERE id = (SELECT min(id) FROM"
    " privacy_targets WHERE state = 'acknowledged') RETURNING request_id || ' elsewhere'",
    "restriction": "UPDATE privacy_restrictions SET lifted_at = now() WHERE lifted_at IS NULL RETURNING id",
    "subject link": "UPDATE subject_links SET id = gen_random_uuid() RETURNING id",
    "breach": "UPDATE breaches SET authority_notified_at = now() RETURNING id",
    "retraction": "INSERT INTO contexts_retraction (signal_id, reason, actor, retracted_at)"
    " SELECT signal_id, 'mistaken', 'user:1', now() FROM contexts_ledgerentry WHERE signal_id NOT IN"
    " (SELECT signal_id FROM contexts_retraction) LIMIT 1 RETURNING signal_id",
    "activation": "UPDATE contexts_activeconfig SET activation_id = (SELECT min(id) FROM"
    " contexts_configactivation) RETURNING activation_id",
    "rollout": "UPDATE contexts_configrollout SET phase = 'superseded' WHERE phase = 'done' RETURNING id",
    "context replay": "UPDATE contexts_replayrun SET phase = 'signals' WHERE phase = 'done' RETURNING id",
    "identity merge": "UPDATE contexts_identitymerge SET undone_at = now() WHERE undone_at IS NULL"
    " RETURNING id",
    "merge candidate": "UPDATE contexts_mergecandidate SET state = 'failed' WHERE state = 'dismissed'"
    " RETURNING id",
    "enrichment spend": "UPDATE enrichment_spend SET micro_dollars = 1 RETURNING id",
    "provider": "UPDATE enrichment_providers SET enabled = false WHERE slug = 'clearbit' RETURNING id",
    "source": "UPDATE integration_sources SET enabled = false RETURNING id",
    "token": "UPDATE api_apitoken SET user_id = (SELECT min(id) FROM auth_user), created_at = now()"
    " RETURNING id",
    "suppression": "UPDATE suppressions SET lifted_at = now() WHERE lifted_at IS NULL RETURNING id",
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
            "privacy target": "privacy_targets", "restriction": "privacy_restrictions",
        }.items()
    }  # fmt: skip
    assert all(reached.values()), reached

    assert find_unrecorded(since=LONG_AGO) == {}
    out = StringIO()
    call_command("reconcile_audit", stdout=out)
    assert "Every state has its audit row" in out.getvalue()

    assert set(FORGOTTEN) >= set(STATEMENTS) - UNTRIED
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


def metric(name: str) -> float:
    """Return a gauge as Prometheus would read it."""
    lines = Client().get("/metrics").content.decode().splitlines()
    [value] = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
    return float(value)


def test_beat_compares_daily_and_a_missing_row_raises_an_alarm(db: None) -> None:
    app.loader.import_default_modules()  # as a worker does at its start
    task = app.tasks[app.conf.beat_schedule["reconciliation"]["task"]]
    assert task.apply().get() == 0
    assert metric("audit_states_unrecorded") == 0
    rows(FORGOTTEN["quarantine"])

    assert task.apply().get() == 1

    assert metric("audit_states_unrecorded") == 1
    rows("UPDATE audit_reconciliations SET compared_at = now() - interval '3 days' RETURNING 1")
    assert 259_000 < metric("audit_reconciliation_age_seconds") < 259_400
    rows("UPDATE signal_quarantine SET received_at = now() - interval '3 days' RETURNING 1")
    assert task.apply().get() == 0  # it was told when it was new


@pytest.mark.parametrize("label", sorted(AUDITED))
def test_every_audited_state_has_a_statement_or_a_written_reason(label: str) -> None:
    asked_by = AUDITED[label].asked_by

    assert asked_by in STATEMENTS or asked_by.startswith("no statement: ")


def test_every_statement_asks_for_a_known_state() -> None:
    assert {said.asked_by for said in AUDITED.values()} | set(ROWS_ASKED_FOR) >= set(STATEMENTS)
    labels = {model._meta.label for model in apps.get_models()}
    assert labels >= set(ROWS_ASKED_FOR.values()) | set(AUDITED)
