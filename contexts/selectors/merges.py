"""Reads of merges and of pairs that may be one."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from contexts.families import list_members
from contexts.identity_models import IdentityMerge, MergeCandidate
from contexts.models import Account, Contact

MAX_SHOWN = 100


def list_candidates(*, state: str = "open") -> "QuerySet[MergeCandidate]":
    """Return the pairs in a state, the newest first."""
    return MergeCandidate.objects.filter(state=state).order_by("-created_at", "-id")


def count_open_candidates() -> int:
    """Count the pairs that wait for somebody to look."""
    return MergeCandidate.objects.filter(state="open").count()


def list_merges() -> "QuerySet[IdentityMerge]":
    """Return all merges, also those undone, the newest first."""
    return IdentityMerge.objects.order_by("-merged_at", "-id")


def list_merges_of(account_id: UUID) -> list[IdentityMerge]:
    """Return the merges that hold now for an account and for the persons seen at it, the newest first."""
    accounts = list_members(account_id)
    people = Contact.objects.filter(account_id__in=accounts).values("subject_id")
    holding = IdentityMerge.objects.filter(undone_at=None).order_by("-merged_at", "-id")
    joined = holding.filter(kind="account", merged_id__in=accounts)
    return list((joined | holding.filter(kind="contact", merged_id__in=people))[:MAX_SHOWN])


def name_pairs(rows: Iterable[MergeCandidate | IdentityMerge]) -> dict[UUID, str]:
    """Return the names of the accounts in these rows, as they were named before merging."""
    ids = {pk for row in rows if row.kind == "account" for pk in (row.merged_id, row.survivor_id)}
    if not ids:
        return {}
    return dict(Account.objects.filter(id__in=ids).values_list("id", "name"))
