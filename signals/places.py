"""Where the signal store holds something about persons."""

from compliance.datamap import BY_ID, BY_KEY, register


def register_places() -> None:
    """List them."""
    register(
        "table", "signals", categories="behaviour at an account; name, title, content, source id (sealed)",
        purpose="to know which accounts want to buy", erased_by=BY_KEY, retention="signals",
    )  # fmt: skip
    register(
        "table", "signal_keys", "signal_conflicts", categories="keyed hashes of events",
        purpose="to store each event once", erased_by=BY_ID, retention="for ever, as hashes",
    )  # fmt: skip
    register(
        "table", "signal_quarantine", categories="what a webhook sent and nobody understood (sealed)",
        purpose="to lose nothing", erased_by="signals.quarantine", retention="quarantine",
    )  # fmt: skip
