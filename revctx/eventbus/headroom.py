"""How far the relay may run ahead of the slowest group: a broker may forget what nobody has fetched."""

from django.conf import settings
from django.db import connection

from revctx.eventbus.models import RelayCursor

CURSOR = "kafka"
ENOUGH = 100  # events; the relay seldom finds more at once


class Headroom:
    """How many events may follow before the slowest group must catch up (`RELAY_MAX_AHEAD`; 0: any number).

    Counting reads thousands of rows, and the relay turns with every commit. What the groups store meanwhile
    only adds to the headroom, so it is counted again when little is left of the last count.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._left = 0

    def measure(self, cursor: RelayCursor, *, wanted: int) -> int:
        """Return how many events may be published now, from 0 to `wanted`."""
        most: int = settings.RELAY_MAX_AHEAD
        if not most:
            return wanted
        if self._left < ENOUGH:
            ahead = max((_count_ahead(cursor, group) for group in settings.EVENT_GROUPS), default=0)
            self._left = max(0, most - ahead)
        return min(wanted, self._left)

    def use(self, published: int) -> None:
        """Take what was published off."""
        self._left -= published


def list_awaited() -> dict[str, int]:
    """Return the groups that the relay waits for, and how many published events each has yet to store.

    Empty without a limit (`RELAY_MAX_AHEAD` 0), as with a real broker.
    """
    most: int = settings.RELAY_MAX_AHEAD
    cursor = RelayCursor.objects.filter(name=CURSOR).first()
    if not most or cursor is None:
        return {}
    ahead = {group: _count_ahead(cursor, group) for group in settings.EVENT_GROUPS}
    return {group: count for group, count in sorted(ahead.items()) if count >= most}


def _count_ahead(cursor: RelayCursor, group: str) -> int:
    """Count the latest published events that a group's bridge has not stored yet.

    In the order of publication: an id alone may belong to an event that waits behind the cursor, and the
    relay would wait for what it has not sent.
    """
    with connection.cursor() as sql:
        sql.execute(
            """
            SELECT count(*) FROM (
                SELECT event_id, type, created_at FROM outbox_events
                WHERE (txid, id) <= (%s::text::xid8, %s) ORDER BY txid DESC, id DESC LIMIT %s) o
            WHERE o.type = ANY(%s) AND o.created_at > now() - interval '10 minutes'
              AND NOT EXISTS (
                SELECT FROM work_items w WHERE w."group" = %s AND w.event_id = o.event_id)
            """,
            [
                str(cursor.txid),
                cursor.last_id,
                2 * settings.RELAY_MAX_AHEAD,
                settings.EVENT_GROUPS[group]["topics"],
                group,
            ],
        )
        return int(sql.fetchone()[0])
