"""Work out what a merge would change, by the same reads and without a write."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from compliance import consent, subject_links
from contexts import consequences
from contexts.contracts import ActiveConfigs
from contexts.evidence import Evidence, read_buckets
from contexts.families import fold, list_members
from contexts.merge_contracts import AccountChange, ConsentChange, MergePreview
from contexts.models import Account, AccountAlias, AccountContext, Contact
from contexts.scoring import Bucket, score
from contexts.selectors.configs import get_active
from contexts.services.merging import check_pair, list_accounts_of


def preview_merge(*, kind: str, merged_id: UUID, survivor_id: UUID, now: datetime) -> MergePreview:
    """Return what merging would do to scores, bands, consent and pending drafts as of `now`.

    Raises: MergeRefused, where the merge itself would.
    """
    merged_id, survivor_id = check_pair(kind=kind, merged_id=merged_id, survivor_id=survivor_id)
    preview = _preview_accounts if kind == "account" else _preview_persons
    return preview(merged_id, survivor_id, now)


def _preview_accounts(merged_id: UUID, survivor_id: UUID, now: datetime) -> MergePreview:
    configs, members = get_active(), list_members(merged_id)
    evidence = read_buckets(account_ids=[merged_id, survivor_id], configs=configs, at=now)
    together = fold([*evidence.get(survivor_id, []), *evidence.get(merged_id, [])], {})
    changes = _list_changes([survivor_id, merged_id], evidence, {survivor_id: together}, configs, now)
    aliases = AccountAlias.objects.filter(account_id__in=members).order_by("kind", "value")
    people = Contact.objects.filter(account_id__in=members)
    return MergePreview(
        kind="account",
        merged_id=merged_id,
        survivor_id=survivor_id,
        accounts=changes,
        consents=(),
        people=people.values("subject_id").distinct().count(),
        aliases=tuple(aliases.values_list("kind", "value")),
        drafts=consequences.count_pending(account_ids=members, subject_ids=()),
        drafts_end=any(change.band == "hot" for change in changes if change.account_id == merged_id),
    )


def _preview_persons(merged_id: UUID, survivor_id: UUID, now: datetime) -> MergePreview:
    group = {*subject_links.list_group(merged_id), *subject_links.list_group(survivor_id)}
    account_ids, configs = sorted(list_accounts_of(group)), get_active()
    evidence = read_buckets(account_ids=account_ids, configs=configs, at=now)
    after = {pk: fold(evidence.get(pk, []), {merged_id: survivor_id}) for pk in account_ids}
    consents = _list_consents(group, now)
    losing = {change.subject_id for change in consents if change.allowed and not change.allowed_after}
    return MergePreview(
        kind="contact",
        merged_id=merged_id,
        survivor_id=survivor_id,
        accounts=_list_changes(account_ids, evidence, after, configs, now),
        consents=consents,
        people=len(group),
        aliases=(),
        drafts=consequences.count_pending(account_ids=(), subject_ids=losing or group),
        drafts_end=bool(losing),
    )


def _list_changes(
    account_ids: Iterable[UUID],
    before: Evidence,
    after: dict[UUID, list[Bucket]],
    configs: ActiveConfigs,
    now: datetime,
) -> tuple[AccountChange, ...]:
    names = dict(Account.objects.filter(id__in=list(account_ids)).values_list("id", "name"))
    rows = AccountContext.objects.filter(account_id__in=names)
    bands = {pk: (band, at) for pk, band, at in rows.values_list("account_id", "band", "crossed_at")}
    changes = []
    for account_id in account_ids:
        stored, crossed_at = bands[account_id]
        held = (now - crossed_at).total_seconds() if crossed_at else None
        intent, band = _judge(before.get(account_id, []), stored, held, configs, now)
        then = _judge(after[account_id], band, held, configs, now) if account_id in after else (None, None)
        changes.append(
            AccountChange(
                account_id=account_id,
                name=names[account_id],
                intent=intent,
                band=band,
                intent_after=then[0],
                band_after=then[1],
            )
        )
    return tuple(changes)


def _judge(
    buckets: list[Bucket], band: str, held: float | None, configs: ActiveConfigs, now: datetime
) -> tuple[float, str]:
    result = score(buckets, decay=configs.decay, weight=configs.weight, at=now)
    return result.intent, result.choose_band(previous=band, held_seconds=held)


def _list_consents(group: Collection[UUID], now: datetime) -> tuple[ConsentChange, ...]:
    before = consent.list_status(subject_ids=group, now=now)
    after = consent.judge_together(group, now=now)
    return tuple(
        ConsentChange(
            subject_id=subject_id,
            allowed=before[subject_id].allowed,
            allowed_after=after.allowed,
            reason_after=after.reason,
        )
        for subject_id in sorted(group)
    )
