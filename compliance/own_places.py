"""Where compliance itself and the layers below it hold something about persons."""

from __future__ import annotations

from compliance.datamap import BY_HAND, BY_ID, BY_KEY, BY_TIME, KEPT, register, register_without_persons

DUTY = "legal obligation (GDPR Art. 6(1)(c))"
PROOF = "to prove what was done"
STAFF = {
    "subjects": "staff",
    "lawful_basis": "contract with staff; legitimate interest in security",
    "purpose": "sign-in and accountability of staff",
    "erased_by": BY_TIME,
    "safeguards": "passwords and tokens as hashes; no customer data",
}


def register_places() -> None:
    """List them."""
    _register_persons()
    _register_proofs()
    _register_requests()
    _register_delivery()
    _register_staff()
    _register_caches()
    _register_rest()


def _register_persons() -> None:
    register(
        "table", "subjects", categories="e-mail address (sealed), its keyed hash, data key (wrapped)",
        purpose="to know a person by a random id", erased_by="compliance.key",
        retention="until erasure; the empty row fences the id for ever",
    )  # fmt: skip
    register(
        "table", "subject_links", categories="random ids", purpose="to know who is one person",
        erased_by=BY_ID, retention="for ever: whoever erases one erases all",
    )  # fmt: skip
    register(
        "table", "month_keys", categories="data key (wrapped) of what names nobody", erased_by=BY_TIME,
        purpose="to seal content of which no person is known", retention="month_keys",
    )  # fmt: skip


def _register_proofs() -> None:
    register(
        "table", "consent_revisions", categories="consent statements, proof (sealed)", purpose=PROOF,
        lawful_basis=DUTY, erased_by=BY_KEY,
        retention="until erasure makes it unreadable; the statement stays",
    )  # fmt: skip
    register(
        "table", "consent_decisions", categories="random ids, codes", purpose=PROOF, lawful_basis=DUTY,
        erased_by=BY_ID, retention=KEPT,
    )  # fmt: skip
    register(
        "table", "suppressions", categories="keyed hash of an address", purpose="to keep an opt-out",
        lawful_basis=DUTY, erased_by=BY_ID, retention="for ever: it is the opt-out",
        safeguards="HMAC under a key of its own; leads to no other row",
    )  # fmt: skip
    register(
        "table", "audit_logs", categories="random ids, codes, numbers", purpose=PROOF, lawful_basis=DUTY,
        subjects="business contacts, staff", recipients="auditors", erased_by=BY_ID, retention="audit",
        safeguards="append-only; refuses what looks like an address",
    )  # fmt: skip


def _register_requests() -> None:
    register(
        "table", "privacy_requests", "privacy_targets", "privacy_certificates", "privacy_restrictions",
        categories="requests by random id; corrections (sealed)", purpose="to answer persons and prove it",
        lawful_basis=DUTY, recipients="authorities on demand", erased_by="compliance.requests",
        retention="privacy_requests",
    )  # fmt: skip
    register(
        "table", "privacy_exports", categories="all that is held (sealed)", purpose="to answer persons",
        lawful_basis=DUTY, recipients="the person", erased_by="compliance.requests", retention="exports",
    )  # fmt: skip
    register(
        "table", "privacy_vault", categories="data key (wrapped)", purpose="DPDP Rule 8(3): keep one year",
        lawful_basis=DUTY, erased_by=BY_TIME, retention="one year, then shredded with notice",
        safeguards="the application cannot read it",
    )  # fmt: skip


def _register_delivery() -> None:
    register(
        "table", "outbox_events", "work_items", categories="random ids", purpose="delivery",
        erased_by=BY_ID, retention="OUTBOX_RETENTION_DAYS",
    )  # fmt: skip
    topics = ("signal.ingested", "context.updated", "action.proposed", "action.approved", "action.rejected",
              "action.executed", "consent.changed", "subject.erased")  # fmt: skip
    register(
        "topic", *topics, categories="random ids and numbers", purpose="delivery", erased_by=BY_ID,
        retention="7 days, by the broker", safeguards="schemas without personal fields",
    )  # fmt: skip
    register(
        "log", "process logs", categories="random ids", purpose="operation", erased_by=BY_ID,
        retention="by the operator", safeguards="allow-listed fields; addresses redacted from paths",
    )  # fmt: skip
    register(
        "table", "api_idempotencykey", categories="a caller's key, hash of a request, ids of the answer",
        purpose="to do nothing twice", erased_by=BY_ID, retention="2 days",
        safeguards="bodies are never kept",
    )  # fmt: skip


def _register_staff() -> None:
    register("table", "auth_user", "auth_user_groups", "auth_user_user_permissions", "api_apitoken",
             categories="name, e-mail address, rights, labels of tokens",
             retention="as long as the account is needed; deactivated by an administrator",
             **STAFF)  # fmt: skip
    register("table", "axes_accessattempt", "axes_accesslog", "axes_accessfailurelog", "django_session",
             "axes_accessattemptexpiration", categories="name, network address, browser",
             retention="sign_ins", **STAFF)  # fmt: skip
    register(
        "table", "django_admin_log", "audit_verifications", categories="who did it, by number or name",
        subjects="staff", purpose=PROOF, erased_by=BY_HAND, retention=KEPT,
        safeguards="forms keep addresses of customers out of what is shown",
    )  # fmt: skip
    register(
        "table", "breaches", categories="a summary in free words", subjects="business contacts, staff",
        purpose="GDPR Art. 33(5): to document breaches", lawful_basis=DUTY, erased_by=BY_HAND, retention=KEPT,
        recipients="authorities on demand", safeguards="refuses whatever has an @ in it",
    )  # fmt: skip


def _register_caches() -> None:
    shared: dict[str, str] = {
        "purpose": "operation", "subjects": "none", "erased_by": BY_TIME,
        "retention": "seconds to a day, by Redis", "safeguards": "ids and numbers only",
    }  # fmt: skip
    register("cache", "revctx:rate:", categories="number of a token, its fill; no customer", **shared)
    register("cache", "revctx:worker:", categories="names of worker processes", **shared)
    register(
        "cache", "default", "context-engine", "orchestration-engine", "unacked", "unacked_index",
        "unacked_mutex", "_kombu.", categories="names of tasks, without ids of persons",
        **shared | {"retention": "until it is worked off"},
    )  # fmt: skip


def _register_rest() -> None:
    register_without_persons(
        "of the framework: names of rights, models and migrations",
        *("auth_group", "auth_group_permissions", "auth_permission", "django_content_type"),
        "django_migrations",
    )
    register_without_persons(
        "hashes, seals and counts over the audit log",
        *("audit_checkpoints", "audit_keys", "audit_leaves", "audit_reconciliations", "audit_retirements"),
        "audit_tiles",
    )
    register_without_persons(
        "positions and names of processes", "bridge_members", "event_groups", "relay_cursors"
    )
    register_without_persons("rules and their sources in law", "consent_policies", "retention_schedules")
    register_without_persons(
        "which cluster the journal was applied on, and months", "privacy_cluster_mark",
        "revctx_partitioned_tables",
    )  # fmt: skip
