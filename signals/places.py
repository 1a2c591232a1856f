"""Where the signal store holds something about persons."""

from compliance.datamap import BY_ID, BY_KEY, register, register_without_persons


def register_places() -> None:
    """List them."""
    register(
        "table", "signals",
        categories="behaviour at an account, keyed hash of an opportunity's id; name, title, content, source "
        "id (sealed)",
        purpose="to know which accounts want to buy", erased_by=BY_KEY, retention="signals",
        # A hash under one key for all: it must find the same opportunity again whoever wrote of it.
        safeguards="sealed under one key a person (AES-256-GCM); the opportunity's hash (HMAC-SHA256) is "
        "under SIGNAL_HASH_KEY, which is nobody's own, so it outlives an erasure and goes with its month",
    )  # fmt: skip
    register(
        "table", "signal_keys", "signal_conflicts", categories="keyed hashes of events",
        purpose="to store each event once", erased_by=BY_ID, retention="for ever, as hashes",
    )  # fmt: skip
    register(
        "table", "signal_quarantine", categories="what a webhook sent and nobody understood (sealed)",
        purpose="to lose nothing", erased_by="signals.quarantine", retention="quarantine",
    )  # fmt: skip
    register_without_persons("codes and kinds that administrators define", "signal_codes", "signal_types")
    register_without_persons("hashes of files and counts of their rows", "signal_imports")
