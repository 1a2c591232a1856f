"""Let signals about one opportunity find each other, and let a job posting say what it is for."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

OPPORTUNITY = {"opportunity": {"type": "string", "format": "reference"}}
ROLE = {"role": {"type": "string", "x-codes": "role"}}
ADDED: dict[str, dict[str, Any]] = {
    "opportunity_created": OPPORTUNITY,
    "opportunity_stage_changed": OPPORTUNITY,
    "opportunity_won": OPPORTUNITY,
    "opportunity_lost": OPPORTUNITY,
    "job_posting": ROLE,
}
ROLES = {
    "data": "Data",
    "design": "Design",
    "engineering": "Engineering",
    "finance": "Finance",
    "leadership": "Leadership",
    "marketing": "Marketing",
    "operations": "Operations",
    "people": "People",
    "product": "Product",
    "sales": "Sales",
    "security": "Security",
    "support": "Support",
}


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add the attributes, unless somebody has defined them already, and the codes of roles."""
    alias = schema_editor.connection.alias
    for row in apps.get_model("signals", "SignalType").objects.using(alias).filter(name__in=ADDED):
        row.payload_schema["properties"] = ADDED[row.name] | row.payload_schema.get("properties", {})
        row.save(using=alias, update_fields=["payload_schema"])
    code = apps.get_model("signals", "SignalCode")
    code.objects.using(alias).bulk_create(
        [code(list_name="role", code=name, label=label) for name, label in ROLES.items()],
        ignore_conflicts=True,
    )


def remove(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the attributes and the codes away again."""
    alias = schema_editor.connection.alias
    for row in apps.get_model("signals", "SignalType").objects.using(alias).filter(name__in=ADDED):
        for name in ADDED[row.name]:
            row.payload_schema.get("properties", {}).pop(name, None)
        row.save(using=alias, update_fields=["payload_schema"])
    apps.get_model("signals", "SignalCode").objects.using(alias).filter(list_name="role").delete()


class Migration(migrations.Migration):
    """Two attributes and a list of codes."""

    dependencies = [("signals", "0411_quarantine_replay")]
    operations = [migrations.RunPython(add, remove)]
