"""Hold two accounts, or two persons, for one, and take that back; signals and evidence are never rewritten.

A merge is a row. Ledger, buckets, aliases and contacts keep the account and person they were written for and
are read through it, so undoing it leaves them as if it had never been.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import connection, transaction

from compliance import audit, consent, subject_links, subjects
from compliance.privacy.restrictions import run_stoppers
from contexts.contracts import ActiveConfigs
from contexts.families import find_root, find_roots
from contexts.identity_models import IdentityMerge, MergeCandidate
from contexts.models import Account, Contact, ScoreBucket
from contexts.services import snapshots
from contexts.services.configs import hold_active
from contexts.services.rescoring import lock_contexts, rescore

# A row older than this would have been scored anew by the sweep meanwhile.
STILL_FRESH = timedelta(seconds=55)

_SUBTREE = """
WITH RECURSIVE down(id) AS (
    SELECT %(top)s::uuid
  UNION
    SELECT m.merged_id FROM contexts_identitymerge m JOIN down ON m.survivor_id = down.id
    WHERE m.kind = 'account' AND m.undone_at IS NULL
)
SELECT id FROM down
"""


class MergeRefused(Exception):
    """It can't be done, or not any more; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


@transaction.atomic
def merge(
    *,
    kind: str,
    merged_id: UUID,
    survivor_id: UUID,
    actor: str,
    now: datetime,
    source_signal_id: UUID | None = None,
) -> UUID:
    """Merge an account or a person (`kind` account or contact) into another, and return the merge's id.

    Scores are afterwards what they would be had every signal named the survivor. Consent becomes the
    strictest of the persons', and what it no longer allows is cancelled.

    Raises:
        MergeRefused: unknown, erased, the same, or merged already.
    """
    configs = hold_active()
    gone, survivor = check_pair(kind=kind, merged_id=merged_id, survivor_id=survivor_id)
    row = IdentityMerge(
        id=uuid4(),
        kind=kind,
        merged_id=gone,
        survivor_id=survivor,
        source_signal_id=source_signal_id,
        actor=actor,
        merged_at=now,
    )
    (_merge_accounts if kind == "account" else _merge_persons)(row, configs, now)
    _close_candidates(row, actor, now)
    _record("merged", row, actor, now)
    return row.id


@transaction.atomic
def undo(*, merge_id: UUID, actor: str, now: datetime) -> None:
    """Take a merge back, in any order.

    Where nothing happened meanwhile the score rows are put back to the byte; else both sides are scored
    anew, hysteresis starting from the bands before the merge. Cancelled drafts stay cancelled.

    Raises:
        MergeRefused: no such merge, undone already, or a person of it is erased.
    """
    configs = hold_active()
    row = IdentityMerge.objects.select_for_update().filter(id=merge_id).first()
    if row is None or row.undone_at is not None:
        raise MergeRefused("not_merged", "there is no such merge, or it was undone")
    row.undone_at, row.undone_by = now, actor
    row.save(update_fields=["undone_at", "undone_by"])
    concerned = _split_account(row) if row.kind == "account" else _split_person(row, actor, now)
    lock_contexts(concerned)
    if _is_untouched(row, concerned, configs, now):
        snapshots.put_back(snapshot=row.before, configs=configs, now=now)
        _carry_versions(row)
    else:
        memory = {pk: row.before[str(pk)]["band"] for pk in concerned if str(pk) in row.before}
        rescore(account_ids=concerned, configs=configs, now=now, changed=concerned, memory=memory)
    _record("split", row, actor, now)


def check_pair(*, kind: str, merged_id: UUID, survivor_id: UUID) -> tuple[UUID, UUID]:
    """Return both ids, the survivor's as what it is merged into itself. Raises: MergeRefused."""
    survivors = find_roots if kind == "account" else subject_links.find_roots
    roots = survivors([merged_id, survivor_id])
    survivor = roots.get(survivor_id, survivor_id)
    if merged_id in (survivor_id, survivor) or roots.get(merged_id) == survivor:
        raise MergeRefused(f"same_{kind}", "these are one already")
    if merged_id in roots:
        raise MergeRefused("already_merged", "the first is merged into another already")
    if kind == "account":
        known = Account.objects.filter(id__in=[merged_id, survivor]).count() == 2
    else:
        pair = [merged_id, survivor]
        people = Contact.objects.filter(subject_id__in=pair).values_list("subject_id", flat=True)
        known = set(people) - subjects.list_erased(pair) == set(pair)
    if not known:
        raise MergeRefused(f"unknown_{kind}", "one of the two is not known here, or was erased")
    return merged_id, survivor


def _merge_accounts(row: IdentityMerge, configs: ActiveConfigs, now: datetime) -> None:
    pair = {row.merged_id, row.survivor_id}
    lock_contexts(pair)
    row.before = snapshots.take(pair)
    Account.objects.filter(merged_into=row.merged_id).update(merged_into=row.survivor_id)
    Account.objects.filter(id=row.merged_id).update(merged_into=row.survivor_id)
    snapshots.retire(account_id=row.merged_id, configs=configs, now=now)
    survivor = [row.survivor_id]
    rescore(account_ids=survivor, configs=configs, now=now, changed=survivor, memory={})
    _store(row, pair)


def _merge_persons(row: IdentityMerge, configs: ActiveConfigs, now: datetime) -> None:
    group = {*subject_links.list_group(row.merged_id), *subject_links.list_group(row.survivor_id)}
    before = consent.list_status(subject_ids=group, now=now)
    try:
        row.link_id = subject_links.link(
            subject_id=row.merged_id, survivor_id=row.survivor_id, actor=row.actor, now=now
        )
    except subject_links.LinkRefused as error:
        raise MergeRefused(error.code, str(error)) from error
    concerned = list_accounts_of(group)
    lock_contexts(concerned)
    row.before = snapshots.take(concerned)
    if (
        any(d.allowed for d in before.values())
        and not consent.decide(subject_id=row.merged_id, now=now).allowed
    ):
        run_stoppers(row.merged_id, "merged", now=now)
    rescore(account_ids=concerned, configs=configs, now=now, changed=concerned, memory={})
    _store(row, concerned)


def list_accounts_of(subject_ids: Collection[UUID]) -> set[UUID]:
    """Return the accounts whose score persons are part of, as they count now."""
    account_ids = {
        *Contact.objects.filter(subject_id__in=subject_ids).values_list("account_id", flat=True),
        *ScoreBucket.objects.filter(subject_id__in=subject_ids).values_list("account_id", flat=True),
    }
    roots = find_roots(account_ids)
    return {roots.get(account_id, account_id) for account_id in account_ids}


def _store(row: IdentityMerge, account_ids: Collection[UUID]) -> None:
    row.after = snapshots.read_versions(account_ids)
    row.save(force_insert=True)


def _split_account(row: IdentityMerge) -> set[UUID]:
    """Give the account and all that was merged into it back to itself; return both sides."""
    other = find_root(row.merged_id)
    with connection.cursor() as cursor:
        cursor.execute(_SUBTREE, {"top": row.merged_id})
        below = {pk for (pk,) in cursor.fetchall()} - {row.merged_id}
    Account.objects.filter(id=row.merged_id).update(merged_into=None)
    Account.objects.filter(id__in=below).update(merged_into=row.merged_id)
    return {row.merged_id, other}


def _split_person(row: IdentityMerge, actor: str, now: datetime) -> set[UUID]:
    group = subject_links.list_group(row.merged_id)
    try:
        assert row.link_id is not None
        subject_links.unlink(link_id=row.link_id, actor=actor, now=now)
    except subject_links.LinkRefused as error:
        raise MergeRefused(error.code, str(error)) from error
    return list_accounts_of(group)


def _is_untouched(
    row: IdentityMerge, concerned: Collection[UUID], configs: ActiveConfigs, now: datetime
) -> bool:
    """Return whether the rows before the merge are still what the accounts would have had without it."""
    return (
        {str(pk) for pk in concerned} == row.before.keys()
        and snapshots.read_versions(concerned) == row.after
        and all(_is_due(values, configs, now) is False for values in row.before.values())
    )


def _is_due(values: dict[str, object], configs: ActiveConfigs, now: datetime) -> bool:
    if values["activation_id"] != configs.activation_id:
        return True
    scored_at = datetime.fromisoformat(str(values["scored_at"]))
    return bool(values["intent_score"]) and now - scored_at > STILL_FRESH


def _carry_versions(row: IdentityMerge) -> None:
    """Let an earlier merge that saw the state just put back see it still, under its new version."""
    versions = snapshots.read_versions([UUID(account_id) for account_id in row.before])
    for account_id, version in versions.items():
        earlier = IdentityMerge.objects.filter(undone_at=None, after__has_key=account_id)
        for other in earlier.filter(**{f"after__{account_id}": row.before[account_id]["version"]}):
            other.after[account_id] = version
            other.save(update_fields=["after"])


def _close_candidates(row: IdentityMerge, actor: str, now: datetime) -> None:
    pair = {row.merged_id, row.survivor_id}
    waiting = MergeCandidate.objects.filter(
        kind=row.kind, state__in=["open", "due"], merged_id__in=pair, survivor_id__in=pair
    )
    waiting.update(state="merged", decided_by=actor, decided_at=now)


_AUDIT_NAMES = {
    ("account", "merged"): "account.merged",
    ("account", "split"): "account.split",
    ("contact", "merged"): "contact.merged",
    ("contact", "split"): "contact.split",
}


def _record(what: str, row: IdentityMerge, actor: str, now: datetime) -> None:
    entry = audit.AuditEntry(
        name=_AUDIT_NAMES[row.kind, what],
        actor=actor,
        target_type="identity_merge",
        target_id=str(row.id),
        account_id=row.survivor_id if row.kind == "account" else None,
        at=now,
        payload={
            "merged_id": str(row.merged_id),
            "survivor_id": str(row.survivor_id),
            "source_signal_id": str(row.source_signal_id) if row.source_signal_id else None,
        },
    )
    audit.record([entry])
