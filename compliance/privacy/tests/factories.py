from datetime import timedelta

from compliance.privacy import execution, requests
from compliance.tests.factories import ACTOR, NOW

ADA = "ada@northwind.example"


def make_request(type="erasure", *, email=ADA, jurisdiction="DE", now=NOW, **changes):
    fields = {"verified_by": "officer", "actor": ACTOR} | changes
    if type == "rectification":
        fields.setdefault("corrections", {"name": "Ada Byron"})
    return requests.create_request(type=type, email=email, jurisdiction=jurisdiction, now=now, **fields)


def run_due(now=NOW, rounds=1, apart=timedelta(hours=2)):
    for n in range(rounds):
        for request_id in execution.list_due(now=now + n * apart):
            execution.run_request(request_id=request_id, now=now + n * apart)
