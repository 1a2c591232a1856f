"""Fill the catalogue of signal types and of opportunity stages."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NUMBER, BOOLEAN = {"type": "number"}, {"type": "boolean"}
DATE = {"type": "string", "format": "date-time"}
# Any signal may say how often and for how much.
COMMON = {"count": NUMBER, "value": NUMBER}
DEAL = {"stage": {"type": "string", "x-codes": "stage"}, "product": {"type": "string", "x-codes": "product"}}

# name: (label, description, own attributes, claims that a text may rest on it)
TYPES: dict[str, tuple[str, str, dict[str, Any], list[str]]] = {
    "page_view": ("Page view", "Somebody opened a page of ours.", {"duration_seconds": NUMBER}, []),
    "pricing_page_view": (
        "Pricing page view",
        "Somebody opened the pricing page.",
        {"duration_seconds": NUMBER},
        ["visited_pricing"],
    ),
    "content_download": (
        "Content download",
        "Somebody downloaded a paper of ours.",
        {},
        ["downloaded_content"],
    ),
    "demo_requested": ("Demo requested", "Somebody asked for a demo.", {"seats": NUMBER}, ["asked_for_demo"]),
    "meeting_booked": (
        "Meeting booked",
        "A meeting is in the calendar.",
        {"starts_at": DATE, "duration_minutes": NUMBER},
        ["booked_meeting"],
    ),
    "email_reply": ("E-mail reply", "Somebody answered a mail.", {"positive": BOOLEAN}, ["replied"]),
    "trial_started": (
        "Trial started",
        "A trial began.",
        {"seats": NUMBER, "days": NUMBER},
        ["started_trial"],
    ),
    "product_usage": (
        "Product usage",
        "The product was used.",
        {"active_users": NUMBER, "days": NUMBER},
        ["uses_product"],
    ),
    "usage_limit_reached": (
        "Usage limit reached",
        "A limit of the plan was reached.",
        {"percent": NUMBER, "seats": NUMBER},
        ["reached_limit"],
    ),
    "opportunity_created": ("Opportunity created", "A deal was opened.", DEAL, ["has_opportunity"]),
    "opportunity_stage_changed": (
        "Opportunity stage changed",
        "A deal moved to another stage.",
        DEAL,
        ["has_opportunity", "stage_is"],
    ),
    "opportunity_won": ("Opportunity won", "A deal was won.", DEAL, ["bought"]),
    "opportunity_lost": ("Opportunity lost", "A deal was lost.", DEAL, []),
    "job_posting": ("Job posting", "The company is hiring.", {}, ["is_hiring"]),
    "funding_round": ("Funding round", "The company raised money.", {"amount": NUMBER}, ["raised_money"]),
    "technology_adopted": (
        "Technology adopted",
        "The company uses a technology.",
        {"technology": {"type": "string", "x-codes": "technology"}},
        ["uses_technology"],
    ),
    "review_site_visit": ("Review site visit", "Somebody compared us on a review site.", {}, []),
    "unsubscribed": ("Unsubscribed", "Somebody wants no more mail.", {}, []),
    "email_bounced": ("E-mail bounced", "A mail could not be delivered.", {"hard": BOOLEAN}, []),
    "account_merged": ("Account merged", "The source merged two accounts.", {}, []),
    "contact_merged": ("Contact merged", "The source merged two contacts.", {}, []),
}
STAGES = {
    "prospecting": "Prospecting",
    "engaging": "Engaging",
    "qualification": "Qualification",
    "needs_analysis": "Needs Analysis",
    "demo_scheduled": "Demo Scheduled",
    "demo_completed": "Demo Completed",
    "value_proposition": "Value Proposition",
    "id_decision_makers": "Id. Decision Makers",
    "perception_analysis": "Perception Analysis",
    "proposal_price_quote": "Proposal/Price Quote",
    "negotiation_review": "Negotiation/Review",
    "closed_won": "Closed Won",
    "closed_lost": "Closed Lost",
}


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Insert types and stages."""
    signal_type, signal_code = (
        apps.get_model("signals", "SignalType"),
        apps.get_model("signals", "SignalCode"),
    )
    alias = schema_editor.connection.alias
    signal_type.objects.using(alias).bulk_create(
        signal_type(
            name=name,
            label=label,
            description=description,
            payload_schema={"type": "object", "properties": COMMON | own},
            claims=claims,
        )
        for name, (label, description, own, claims) in TYPES.items()
    )
    signal_code.objects.using(alias).bulk_create(
        signal_code(list_name="stage", code=code, label=label) for code, label in STAGES.items()
    )


def clear(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Empty the catalogue."""
    alias = schema_editor.connection.alias
    apps.get_model("signals", "SignalCode").objects.using(alias).all().delete()
    apps.get_model("signals", "SignalType").objects.using(alias).all().delete()


class Migration(migrations.Migration):
    """The first catalogue."""

    dependencies = [("signals", "0001_initial")]
    operations = [migrations.RunPython(fill, clear)]
