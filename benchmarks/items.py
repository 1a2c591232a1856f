"""Work items as the bridge would store them, for measures that call the context engine's service itself."""

from datetime import datetime
from uuid import UUID

from revctx.eventbus.workitems import WorkItemData


def make_item(number: int, signal_id: UUID, now: datetime) -> WorkItemData:
    """Return the item of a stored signal."""
    return WorkItemData(
        id=number,
        event_id=signal_id,
        event_type="signal.ingested",
        key="",
        data={"signal_id": str(signal_id)},
        request_id="",
        occurred_at=now,
    )
