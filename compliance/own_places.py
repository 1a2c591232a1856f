"""Where compliance itself and the layers below it hold something about persons."""

from __future__ import annotations

from compliance.datamap import BY_ID, BY_KEY, BY_TIME, register

DUTY = "legal obligation (GDPR Art. 6(1)(c))"
PROOF = "to prove what was done"
STAFF = {
    "subjects": "staff",
    "lawful_basis": "contract with staff; legitimate interest in security",
    "purpose": "sign-in and accountability of staff",
    "erased_by": BY_TIME,
    "retention": "as long as the account is needed; deactivated by an administrator",
    "safeguards": "passwords and tokens as hashes; no customer data",
}


def register_places() -> None:
    """List them."""
    _register_persons()
    _register_proofs()
    _register_requests()
    _register_delivery()


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
        purpose="to seal content of which no person is known", retention="quarantine",
    )  # fmt: skip


def _register_proofs() -> None:
    register(
        "table", "consent_revisions", categories="consent statements, proof (sealed)", purpose=PROOF,
        lawful_basis=DUTY, erased_by=BY_KEY, retention="relationship and 3 years",
    )  # fmt: skip
    register(
        "table", "consent_decisions", categories="random ids, codes", purpose=PROOF, lawful_basis=DUTY,
        erased_by=BY_ID, retention="relationship and 3 years",
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
    register("table", "auth_user", "axes_accessattempt", "axes_accesslog", "axes_accessfailurelog",
             categories="name, e-mail address, network address", **STAFF)  # fmt: skip
