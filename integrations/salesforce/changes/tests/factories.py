"""Change events in the shape of the developer guide."""

import time
from itertools import count

NUMBERS = count(1)
OPPORTUNITY, OTHER = "0065g00000OppOneAAA"[:18], "0065g00000OppTwoAAA"[:18]
ACCOUNT = "0015g00000AcctOneA"
NOW_MS = int(time.time()) * 1000 - 60_000


def change(change_type="UPDATE", *, records=(OPPORTUNITY,), header=None, **fields):
    """Return a decoded event; `header` overrides parts of its header."""
    return {
        "ChangeEventHeader": {
            "entityName": "Opportunity",
            "recordIds": list(records),
            "changeType": change_type,
            "changeOrigin": "com/salesforce/api/rest/62.0;client=SfdcInternalAPI/",
            "transactionKey": f"0002ac83-fcbd-9443-f901-{next(NUMBERS):012d}",
            "sequenceNumber": 1,
            "commitTimestamp": NOW_MS,
            "commitNumber": 72784468115,
            "commitUser": "0055g000000Q6ipYAC",
            "changedFields": [*fields, "LastModifiedDate"] if change_type == "UPDATE" else [],
            **(header or {}),
        },
        **fields,
    }
