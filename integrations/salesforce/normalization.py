"""Turn a Salesforce opportunity update into a signal draft. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.outcomes import Unmappable, instant_of_text, snake
from signals.contracts import PersonDraft, SignalDraft
from signals.normalization import slug

SOURCE = "salesforce"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_NOT_KEPT_TWICE = frozenset(
    {"Id", "AccountId", "LastModifiedDate", "ContactEmail", "ContactName", "ContactTitle"}
)
_CLOSING_TYPES = {"closed_won": "opportunity_won", "closed_lost": "opportunity_lost"}


def opportunity_to_draft(body: Any, *, webhook_id: str | None, now: datetime) -> SignalDraft:
    """Return the draft of an opportunity update.

    Its natural key is the signed webhook's id, else (Id, LastModifiedDate), else (Id, StageName).
    `webhook_id` is given only when the signature was verified; `now` stands in for a LastModifiedDate that
    is not given.

    Raises:
        Unmappable: with the reason.
    """
    if not isinstance(body, Mapping):
        raise Unmappable("not_an_object")
    opportunity_id, account_id = _id(body, "Id"), _id(body, "AccountId")
    stage = _text(body, "StageName")
    modified_at = _instant(body, "LastModifiedDate")
    return SignalDraft(
        source=SOURCE,
        type=_type(stage),
        external_id=opportunity_id,
        occurred_at=modified_at or now,
        account={"crm_id": account_id},
        person=_person(body),
        attributes=_attributes(body, stage),
        sealed={"payload": {key: value for key, value in body.items() if key not in _NOT_KEPT_TWICE}},
        natural_key=_natural_key(opportunity_id, stage, modified_at, webhook_id),
        occurred_at_is_ours=modified_at is None,
    )


def _type(stage: str) -> str:
    if not stage:
        return "opportunity_created"
    return _CLOSING_TYPES.get(slug(stage), "opportunity_stage_changed")


def _natural_key(
    opportunity_id: str, stage: str, modified_at: datetime | None, webhook_id: str | None
) -> str:
    if webhook_id is not None:
        return f"webhook:{webhook_id}"
    if modified_at is not None:
        return f"modified:{opportunity_id}:{modified_at.isoformat()}"
    return f"stage:{opportunity_id}:{stage}"


def _attributes(body: Mapping[str, Any], stage: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if stage:
        # The store turns a code that the catalogue does not list into "unmapped"; the text stays sealed.
        attributes["stage"] = slug(stage) or stage
    amount = body.get("Amount")
    if amount is not None:
        if isinstance(amount, bool) or not isinstance(amount, int | float):
            raise Unmappable("invalid_amount")
        attributes["value"] = amount
    return attributes


def _person(body: Mapping[str, Any]) -> PersonDraft | None:
    email = _text(body, "ContactEmail")
    if not email:
        return None
    return PersonDraft(email=email, name=_text(body, "ContactName"), title=_text(body, "ContactTitle"))


def _id(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None or value == "":
        raise Unmappable(f"missing_{snake(name)}")
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Unmappable(f"invalid_{snake(name)}")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 200:
        raise Unmappable(f"invalid_{snake(name)}")
    return value.strip()


def _instant(body: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(body, name)
    return instant_of_text(text, name) if text else None
