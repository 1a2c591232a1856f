"""Changes to mapped sources, and their dry-run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from compliance import audit
from integrations.generic.mapping import FieldFailed, map_body
from integrations.generic.secrets import LIVE, open_secrets, seal_secrets
from integrations.models import MappedSource
from integrations.outcomes import Outcome
from integrations.selectors import mapping_of
from signals.normalization import InvalidDraft, NormalizedSignal, normalize
from signals.selectors import get_catalogue


@dataclass(frozen=True)
class Trial:
    """What one event of a body would become: a signal, or a reason with its place and explanation."""

    signal: NormalizedSignal | None = None
    reason: str = ""
    field: str = ""
    detail: str = ""


@transaction.atomic
def save_source(
    *, source: MappedSource, new_secret: str, forget_former: bool, actor: str, now: datetime
) -> None:
    """Store a mapped source; a new secret joins the one before, which stays live until it is forgotten."""
    is_new = source._state.adding
    live = open_secrets(source.id, bytes(source.live_secrets))
    if new_secret:
        live = [new_secret, *live]
    source.live_secrets = seal_secrets(source.id, live[:1] if forget_former else live[:LIVE])
    source.save()
    entry = audit.AuditEntry(
        name="integration_source.created" if is_new else "integration_source.changed",
        actor=actor,
        target_type="integration_source",
        target_id=str(source.id),
        at=now,
        payload={"source": source.slug, "enabled": source.enabled, "secret_changed": bool(new_secret)},
    )
    audit.record([entry])


def try_mapping(*, source: MappedSource, document: Any, now: datetime) -> list[Trial]:
    """Return what a body would become, by the code that webhooks go through; stores nothing."""
    catalogue = get_catalogue()
    mapped = map_body(mapping_of(source), document, webhook_id="dry-run", now=now)
    return [_try(outcome, failure, catalogue, now) for outcome, failure in mapped]


def _try(outcome: Outcome, failure: FieldFailed | None, catalogue: Any, now: datetime) -> Trial:
    if failure is not None:
        return Trial(reason=failure.reason, field=failure.field, detail=failure.detail)
    assert outcome.draft is not None
    try:
        return Trial(signal=normalize(outcome.draft, now=now, catalogue=catalogue))
    except InvalidDraft as error:
        return Trial(reason=error.code, field=error.field, detail=error.message)
