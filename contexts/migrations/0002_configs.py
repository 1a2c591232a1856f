"""What is written once stays as written; the first configurations, and the pointer to them."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations

from compliance.partitions import MakeAppendOnly

DAY = 86_400  # seconds
FROM_THE_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

# Seconds: web 3 d, engagement 7 d, product 10 d, CRM 21 d, hiring 30 d, funding 60 d.
HALF_LIVES = {
    "page_view": 3 * DAY,
    "pricing_page_view": 3 * DAY,
    "review_site_visit": 3 * DAY,
    "content_download": 7 * DAY,
    "demo_requested": 7 * DAY,
    "meeting_booked": 7 * DAY,
    "email_reply": 7 * DAY,
    "trial_started": 10 * DAY,
    "product_usage": 10 * DAY,
    "usage_limit_reached": 10 * DAY,
    "opportunity_created": 21 * DAY,
    "opportunity_stage_changed": 21 * DAY,
    "opportunity_won": 21 * DAY,
    "opportunity_lost": 21 * DAY,
    "unsubscribed": 21 * DAY,
    "email_bounced": 21 * DAY,
    "job_posting": 30 * DAY,
    "technology_adopted": 30 * DAY,
    "funding_round": 60 * DAY,
}

WEIGHTS = {
    "page_view": 6.0,
    "pricing_page_view": 30.0,
    "review_site_visit": 24.0,
    "content_download": 14.0,
    "demo_requested": 45.0,
    "meeting_booked": 45.0,
    "email_reply": 30.0,
    "trial_started": 40.0,
    "product_usage": 20.0,
    "usage_limit_reached": 35.0,
    "opportunity_created": 25.0,
    "opportunity_stage_changed": 80.0,
    "opportunity_won": 10.0,
    "opportunity_lost": 0.0,
    "job_posting": 12.0,
    "funding_round": 16.0,
    "technology_adopted": 14.0,
    "unsubscribed": 0.0,
    "email_bounced": 0.0,
    "account_merged": 0.0,
    "contact_merged": 0.0,
}

SATURATIONS = {
    "page_view": 2.0,
    "pricing_page_view": 1.0,
    "review_site_visit": 1.0,
    "content_download": 1.0,
    "demo_requested": 0.7,
    "meeting_booked": 0.7,
    "email_reply": 0.7,
    "trial_started": 0.7,
    "product_usage": 2.5,
    "usage_limit_reached": 0.7,
    "opportunity_created": 0.7,
    "opportunity_stage_changed": 1.2,
    "opportunity_won": 0.7,
    "job_posting": 1.5,
    "funding_round": 0.7,
    "technology_adopted": 1.0,
}

STAGE_STRENGTHS = {
    "prospecting": 0.4,
    "engaging": 0.8,
    "qualification": 0.8,
    "needs_analysis": 1.2,
    "value_proposition": 1.4,
    "id_decision_makers": 1.4,
    "perception_analysis": 1.4,
    "demo_scheduled": 2.0,
    "demo_completed": 2.4,
    "proposal_price_quote": 2.6,
    "negotiation_review": 3.0,
}

RETURNING = ["demo_requested", "email_reply", "meeting_booked", "trial_started"]
DAMPING = {"opportunity_lost": 0.4, "unsubscribed": 0.7}
LIFTING = {
    "opportunity_lost": ["opportunity_created", "opportunity_stage_changed", "opportunity_won", *RETURNING],
    "unsubscribed": RETURNING,
}

CRITERIA = [
    {
        "field": "industry",
        "weight": 2,
        "one_of": ["software", "technology", "retail", "financial_services", "finance"],
    },
    {"field": "employees", "weight": 2, "low": 200, "high": 5_000},
    {"field": "annual_revenue", "weight": 1, "low": 20_000_000, "high": 1_000_000_000},
]


def seed(apps: Any, schema_editor: Any) -> None:
    """Store version 1 of each configuration and point at them."""
    if schema_editor.connection.alias == "lab":
        return
    using = schema_editor.connection.alias
    get = apps.get_model
    icp = (
        get("contexts", "IcpDefinition")
        .objects.using(using)
        .create(version=1, name="Mid-market buyers", criteria=CRITERIA, created_at=FROM_THE_BEGINNING)
    )
    decay = (
        get("contexts", "DecayConfig")
        .objects.using(using)
        .create(
            version=1,
            half_lives=HALF_LIVES,
            default_half_life=7 * DAY,
            note="seeded",
            created_at=FROM_THE_BEGINNING,
        )
    )
    weight = (
        get("contexts", "WeightConfig")
        .objects.using(using)
        .create(
            version=1,
            weights=WEIGHTS,
            saturations=SATURATIONS,
            default_weight=5.0,
            default_saturation=1.0,
            rho=50.0,
            stage_strengths=STAGE_STRENGTHS,
            default_stage_strength=0.3,
            damping=DAMPING,
            lifting=LIFTING,
            hot_threshold=None,
            warm_threshold=35.0,
            leave_ratio=0.8,
            icp=icp,
            note="seeded",
            created_at=FROM_THE_BEGINNING,
        )
    )
    activation = (
        get("contexts", "ConfigActivation")
        .objects.using(using)
        .create(decay=decay, weight=weight, actor="system:migration", activated_at=FROM_THE_BEGINNING)
    )
    get("contexts", "ActiveConfig").objects.using(using).create(id=1, activation=activation)


class Migration(migrations.Migration):
    """Append-only tables and seeds."""

    dependencies = [("contexts", "0001_initial"), ("compliance", "0001_initial")]

    operations = [
        *(
            MakeAppendOnly(model)
            for model in (
                "IcpDefinition",
                "DecayConfig",
                "WeightConfig",
                "ConfigActivation",
                "LedgerEntry",
                "Crossing",
                "StoredPack",
                "EnrichmentRecord",
            )
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
