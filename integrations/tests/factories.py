"""Sources as tests need them, made through the service."""

from datetime import UTC, datetime

from integrations.generic.services import save_source
from integrations.models import MappedSource


def save_mapped_source(secret: str) -> None:
    """Set up a source `hostile` behind the generic door that reads every kind of field."""
    source = MappedSource(
        slug="hostile",
        label="Hostile",
        events="events",
        type="kind",
        external_id="token",
        natural_key="token",
        occurred_at="at",
        strength="strength",
        account_domain="company.domain",
        account_crm_id="company.crm",
        account_name="company.name",
        person_mail="person.email",
        person_name="person.name",
        attributes={"seats": "seats", "stage": "stage"},
    )
    now = datetime.now(UTC)
    save_source(source=source, new_secret=secret, forget_former=False, actor="system:test", now=now)
