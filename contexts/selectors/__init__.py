"""Reads that other apps and pages may use."""

from contexts.contracts import AccountNotFound
from contexts.families import find_root, list_members
from contexts.selectors.accounts import get_account, get_account_id, list_accounts, list_contacts, list_names
from contexts.selectors.configs import (
    get_active,
    get_active_configs,
    get_decay,
    get_hot_threshold,
    get_weight,
    list_configs,
)
from contexts.selectors.crossings import CrossingView, find_last_crossing
from contexts.selectors.enrichment import get_enrichment
from contexts.selectors.histories import get_history
from contexts.selectors.packs import (
    PackNotFound,
    find_pack,
    get_pack,
    list_evidence,
    open_pack,
    open_packs,
    read_pack,
)
from contexts.selectors.quality import get_quality, list_wanted
from contexts.selectors.raises import get_would_raise
from contexts.selectors.scores import get_score
from contexts.selectors.timeline import get_timeline

__all__ = [
    "AccountNotFound",
    "CrossingView",
    "PackNotFound",
    "find_last_crossing",
    "find_pack",
    "find_root",
    "get_account",
    "get_account_id",
    "get_active",
    "get_active_configs",
    "get_decay",
    "get_enrichment",
    "get_history",
    "get_hot_threshold",
    "get_pack",
    "get_quality",
    "get_score",
    "get_timeline",
    "get_weight",
    "get_would_raise",
    "list_accounts",
    "list_configs",
    "list_contacts",
    "list_evidence",
    "list_members",
    "list_names",
    "list_wanted",
    "open_pack",
    "open_packs",
    "read_pack",
]
