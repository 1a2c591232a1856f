"""By what the ledger is looked up."""

from django.db import models
from django.db.models import Q

from contexts.graph_facts import LASTING

LEDGER_INDEXES = [
    models.Index(fields=["account", "decay", "occurred_at"], name="ledger_account_time"),
    models.Index(fields=["decay", "occurred_at"], name="ledger_time"),
    models.Index(fields=["decay", "id"], name="ledger_replay"),
    # What the graph holds for true until it is contradicted, however many signals came since.
    models.Index(fields=["account", "occurred_at"], condition=Q(type__in=LASTING), name="ledger_lasting"),
]
