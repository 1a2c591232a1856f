"""The registry of states: which audit rows each field's changes write, and what asks for them later."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Audited:
    """Fields of a model that change in transitions.

    Args:
        fields: their names.
        names: the audit names that their changes write.
        asked_by: the reconciliation statement that finds a change without its row; else why none does.
    """

    fields: str
    names: frozenset[str]
    asked_by: str


def _audited(fields: str, names: str, asked_by: str) -> Audited:
    return Audited(fields, frozenset(names.split()), asked_by)


# By model; the names of moves come from their tables in the tests.
AUDITED = {
    "api.ApiToken": _audited("revoked_at", "mcp_token.revoked api_token.revoked", "token"),
    "compliance.AuditVerification": _audited(
        "state finished_at", "audit_verification.requested audit_verification.finished", "verification"
    ),
    "compliance.Breach": _audited(
        "authority_notified_at persons_told_at closed_at",
        "breach.reported breach.report_waived breach.persons_told breach.telling_waived breach.closed",
        "breach",
    ),
    "compliance.ConsentPolicy": _audited(
        "mode double_opt_in subscriber_type channel",
        "consent_policy.added consent_policy.changed",
        "no statement: the table comes filled, and a changed row keeps no trace of what it came with",
    ),
    "compliance.ConsentRevision": _audited(
        "status", "consent.granted consent.revoked consent.opted_out consent.pending_confirmation", "consent"
    ),
    "compliance.PrivacyRequest": _audited(
        "state confirmed_at verified_at closed_at pre_erasure_notice_at",
        "privacy_request.received privacy_request.confirmed privacy_request.extended privacy_request.noticed"
        " privacy_request.unverified privacy_request.verified privacy_request.approved"
        " privacy_request.denied privacy_request.started privacy_request.awaited privacy_request.completed"
        " privacy_request.held privacy_request.resumed privacy_request.failed privacy_request.duplicated",
        "privacy request",
    ),
    "compliance.PrivacyTarget": _audited(
        "state acknowledged_at", "privacy_target.acknowledged privacy_target.failed", "privacy target"
    ),
    "compliance.Restriction": _audited("lifted_at", "subject.restricted subject.unrestricted", "restriction"),
    "compliance.Subject": _audited("erased_at", "subject.erased", "erasure"),
    "compliance.SubjectLink": _audited("unlinked_at", "subject.linked subject.unlinked", "subject link"),
    "compliance.Suppression": _audited("lifted_at", "suppression.lifted", "suppression"),
    "contexts.Account": _audited(
        "merged_into", "account.created account.merged account.split", "identity merge"
    ),
    "contexts.AccountContext": _audited("band crossed_at", "context.updated", "context"),
    "contexts.ConfigRollout": _audited(
        "phase activated_at finished_at",
        "config_rollout.started config_rollout.superseded config_rollout.finished config.activated",
        "rollout",
    ),
    "contexts.IdentityMerge": _audited(
        "undone_at", "account.merged account.split contact.merged contact.split", "identity merge"
    ),
    "contexts.MergeCandidate": _audited(
        "state decided_at",
        "match.noted match.dismissed match.failed account.merged contact.merged",
        "merge candidate",
    ),
    "contexts.ReplayRun": _audited(
        "phase finished_at",
        "context_replay.started context_replay.given_up context_replay.finished",
        "context replay",
    ),
    "contexts.Retraction": _audited("reason", "evidence.retracted", "retraction"),
    "integrations.EnrichmentProvider": _audited(
        "enabled", "enrichment_provider.created enrichment_provider.changed", "provider"
    ),
    "integrations.MappedSource": _audited(
        "enabled", "integration_source.created integration_source.changed", "source"
    ),
    "laboratory.Promotion": _audited(
        "state decided_at rolled_back_at",
        "promotion.requested promotion.approved promotion.rejected promotion.voided promotion.rolled_back",
        "promotion",
    ),
    "orchestration.Action": _audited("state", "action.proposed", "action"),
    "orchestration.EnrichmentSpend": _audited("state settled_at", "enrichment.called", "enrichment spend"),
    "signals.QuarantinedPayload": _audited(
        "state outcome resolved_at",
        "signal.quarantined quarantine.replayed quarantine.dismissed retention.applied",
        "quarantine",
    ),
}
# Tables and pointers without such a field, whose rows are transitions themselves.
ROWS_ASKED_FOR = {
    "account": "contexts.Account",
    "activation": "contexts.ConfigActivation",
    "key rotation": "compliance.AuditKey",
    "retirement": "compliance.AuditRetirement",
    "signal": "signals.Signal",
}
_ONCE = "given when the row is made, and never changed"
_OWN_TIME = "the bookkeeping of a process about itself; nobody decides anything"
# Fields that look like a state and are none: why no audit row is due.
NO_TRANSITION = {
    "api.ApiToken.expires_at": _ONCE,
    "api.IdempotencyKey.status": "the remembered answer to a request",
    "eventbus.BridgeMember.caught_up_at": _OWN_TIME,
    "eventbus.GroupState.paused_since": "a group that waits for its database; it goes on by itself",
    "eventbus.WorkItem.done_at": _OWN_TIME,
    "eventbus.WorkItem.state": "the bus's bookkeeping; giving up and replaying is audited as work.replayed",
    "compliance.Breach.nature": _ONCE,
    "compliance.Breach.recorded_from": _ONCE,
    "compliance.Breach.risk": _ONCE,
    "compliance.ConsentDecisionRecord.allowed": _ONCE,
    "compliance.ConsentRevision.confirmed_at": _ONCE,
    "compliance.ConsentRevision.expires_at": _ONCE,
    "compliance.PrivacyRequest.confirm_by": _ONCE,
    "compliance.PrivacyRequest.shred_at": "the term of the vault, set and ended by audited moves",
    "compliance.PrivacyRequest.type": _ONCE,
    "compliance.PrivacyTarget.kind": _ONCE,
    "compliance.Suppression.reason": _ONCE,
    "signals.ImportCheckpoint.finished_at": "how far a file is read; each signal of it is audited",
    "signals.QuarantinedPayload.replayed_at": "when it was tried last; what came of it is audited",
    "integrations.EnrichmentProvider.kind": "what is stored with enabled, in the same audited change",
    "integrations.EnrichmentProvider.misses_cost": "what is stored with enabled, in the same audited change",
    "integrations.InboundRequest.status": _ONCE,
    "integrations.KnownReference.account_at": "what a source taught, by signals that are audited",
    "integrations.KnownReference.subject_at": "what a source taught, by signals that are audited",
    "contexts.AccountAlias.kind": _ONCE,
    "contexts.AccountContext.evidence_at": "a number about audited signals",
    "contexts.AccountContext.hot_until": "a forecast of the score",
    "contexts.Crossing.direction": _ONCE,
    "contexts.IdentityMerge.kind": _ONCE,
    "contexts.MergeCandidate.kind": _ONCE,
    "contexts.MergeCandidate.reason": _ONCE,
    "contexts.ReplayRun.is_open_ended": _ONCE,
    "contexts.ReplayRun.since": _ONCE,
    "orchestration.Action.claim_expires_at": "set by the audited moves action.claimed and action.released",
    "orchestration.Action.execute_after": "set by the audited move to approved",
    "orchestration.Action.kind": _ONCE,
    "orchestration.Approval.decision": _ONCE,
    "orchestration.DraftRequest.finished_at": _OWN_TIME,
    "orchestration.DraftRequest.state": "a queue entry; action.proposed or draft.abstained comes of it",
    "orchestration.EnrichmentSpend.dispatched_at": "a step of a call that is audited when it is settled",
    "orchestration.EnrichmentSpend.rest_until": "follows from the audited outcome",
    "orchestration.Execution.finished_at": "moves together with its action, which is audited",
    "orchestration.Execution.kind": _ONCE,
    "orchestration.Execution.state": "moves together with its action, which is audited",
    "laboratory.CrossingDecision.arm": _ONCE,
    "laboratory.Experiment.window_start": _ONCE,
    "laboratory.Promotion.applied_at": "when an audited approval took effect, as config.activated says",
    "laboratory.Promotion.restored_at": "when an audited rollback took effect, as config.activated says",
    "laboratory.Run.finished_at": _OWN_TIME,
    "laboratory.Run.heartbeat_at": _OWN_TIME,
    "laboratory.Run.started_at": _OWN_TIME,
    "laboratory.Run.state": "only queueing is a decision; the laboratory's role cannot write the audit log",
}
