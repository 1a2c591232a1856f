"""What a change event means for us. Pure.

Source: Salesforce Change Data Capture Developer Guide, "Change Event Fields", "Gap Events", "Overflow
Events".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from integrations.outcomes import Unmappable
from integrations.salesforce.normalization import opportunity_to_draft
from signals.contracts import SignalDraft

OPPORTUNITY = "Opportunity"
CHANGE_TYPES = frozenset({"CREATE", "UPDATE", "DELETE", "UNDELETE"})
# Sent with every call of ours, so that an event that we caused ourselves says so in its changeOrigin.
CLIENT_NAME = "revctx"
HEADER = "ChangeEventHeader"


@dataclass(frozen=True, kw_only=True)
class ChangeHeader:
    """The part of an event that is always there."""

    entity: str
    record_ids: tuple[str, ...]
    change_type: str
    origin: str
    transaction_key: str
    sequence_number: int
    committed_at: datetime
    changed_fields: frozenset[str]

    @property
    def is_ours(self) -> bool:
        """Tell whether a call of ours caused the change; to act on it would go round in circles."""
        return any(part == f"client={CLIENT_NAME}" for part in self.origin.rstrip("/").split(";"))

    @property
    def is_gap(self) -> bool:
        """Tell whether Salesforce only says that something changed, not what."""
        return self.change_type.startswith("GAP_")

    @property
    def event_key(self) -> str:
        """Return what names the event for good, wherever in the stream it is met."""
        return f"change:{self.transaction_key}:{self.sequence_number}"


def read_header(payload: Mapping[str, Any]) -> ChangeHeader:
    """Return the header of an event.

    Raises:
        Unmappable: it is not as documented.
    """
    try:
        header = payload[HEADER]
        return ChangeHeader(
            entity=_text(header["entityName"]),
            record_ids=tuple(_text(record_id) for record_id in header["recordIds"]),
            change_type=_text(header["changeType"]),
            origin=_text(header.get("changeOrigin") or ""),
            transaction_key=_text(header["transactionKey"]),
            sequence_number=int(header["sequenceNumber"]),
            committed_at=datetime.fromtimestamp(int(header["commitTimestamp"]) / 1000, UTC),
            changed_fields=frozenset(_text(name) for name in header.get("changedFields") or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise Unmappable("invalid_change_header") from error


def map_change(
    header: ChangeHeader, payload: Mapping[str, Any], *, accounts: Mapping[str, str]
) -> list[SignalDraft]:
    """Return a draft for each record of an opportunity's change that tells of buying; often none.

    `accounts` says to which account an opportunity belongs, for an update carries only what changed.

    Raises:
        Unmappable: a gap or an overflow, an unknown kind of change, an unknown account, bad fields.
    """
    if header.is_gap:
        raise Unmappable(header.change_type.lower()[:64])
    if header.change_type not in CHANGE_TYPES:
        raise Unmappable("unknown_change_type")
    if header.change_type == "CREATE" or (header.change_type == "UPDATE" and _has_new_stage(header, payload)):
        return [_draft(header, payload, record_id, accounts) for record_id in header.record_ids]
    return []


def _has_new_stage(header: ChangeHeader, payload: Mapping[str, Any]) -> bool:
    if header.changed_fields and "StageName" not in header.changed_fields:
        return False  # the channel may add fields that did not change
    return bool(payload.get("StageName"))


def _draft(
    header: ChangeHeader, payload: Mapping[str, Any], record_id: str, accounts: Mapping[str, str]
) -> SignalDraft:
    account_id = payload.get("AccountId") or accounts.get(record_id)
    if not account_id:
        raise Unmappable("unknown_account")
    fields = {name: value for name, value in payload.items() if value is not None and name != HEADER}
    body = fields | {"Id": record_id, "AccountId": account_id, "LastModifiedDate": None}
    draft = opportunity_to_draft(body, webhook_id=None, now=header.committed_at)
    is_new = header.change_type == "CREATE" and draft.type == "opportunity_stage_changed"
    return replace(
        draft,
        type="opportunity_created" if is_new else draft.type,
        natural_key=f"{header.event_key}:{record_id}",
        occurred_at_is_ours=False,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 255:
        raise ValueError("not a short text")
    return value
