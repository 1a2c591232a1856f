"""Reads that other apps and pages may use."""

from contexts.contracts import AccountNotFound
from contexts.selectors.accounts import get_account, get_account_id, list_accounts, list_contacts, list_names
from contexts.selectors.configs import (
    get_active,
    get_active_configs,
    get_decay,
    get_hot_threshold,
    get_weight,
    list_configs,
)
from contexts.selectors.packs import find_pack, get_pack
from contexts.selectors.quality import get_quality
from contexts.selectors.scores import get_history, get_score
from contexts.selectors.timeline import get_timeline

__all__ = [
    "AccountNotFound",
    "find_pack",
    "get_account",
    "get_account_id",
    "get_active",
    "get_active_configs",
    "get_decay",
    "get_history",
    "get_hot_threshold",
    "get_pack",
    "get_quality",
    "get_score",
    "get_timeline",
    "get_weight",
    "list_accounts",
    "list_configs",
    "list_contacts",
    "list_names",
]
