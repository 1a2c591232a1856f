"""What the relay and other leaders must know of the PostgreSQL cluster itself."""

from django.db import connection

RELAY_LOCK = 0x7265_6C61_79  # "relay" in ASCII: the advisory lock of the one leader


def get_system_identifier() -> str:
    """Return the cluster's own number, which a restored copy does not share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        return str(cursor.fetchone()[0])


def try_lead(lock: int = RELAY_LOCK) -> bool:
    """Take a leader's lock for the life of this connection, if nobody holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        return bool(cursor.fetchone()[0])
