"""Where the connectors hold something about persons."""

from compliance.datamap import register


def register_places() -> None:
    """List them."""
    register(
        "table",
        "integration_references",
        categories="which ids of other systems a person has (keyed hashes)",
        purpose="to attribute a connector's event to its account and person",
        erased_by="integrations",
        retention="as long as the source goes on naming the id",
        safeguards="ids as keyed hashes (HMAC-SHA256)",
    )
