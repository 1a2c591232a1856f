"""Where contexts holds something about persons."""

from compliance.datamap import BY_ID, register

WHY = "to know which accounts want to buy, and why"


def register_places() -> None:
    """List them."""
    register(
        "table", "contexts_contact", categories="name, title (sealed); class of the title", purpose=WHY,
        erased_by="contexts", retention="until erasure",
    )  # fmt: skip
    register(
        "table", "contexts_scorebucket", categories="evidence by person, as numbers", purpose=WHY,
        erased_by="contexts", retention="40 half-lives",
    )  # fmt: skip
    register(
        "table", "contexts_ledgerentry", categories="evidence by person, as numbers", purpose=WHY,
        erased_by=BY_ID, retention="signals",
    )  # fmt: skip
    register(
        "table", "contexts_storedpack", categories="random ids", purpose=WHY, erased_by=BY_ID,
        retention="until the account is deleted",
    )  # fmt: skip
    register(
        "table", "contexts_identitymerge", "contexts_mergecandidate", categories="random ids",
        purpose="to know what is one account or person", erased_by=BY_ID, retention="with the audit log",
    )  # fmt: skip
    register(
        "cache", "context packs and scores", categories="random ids and numbers", purpose=WHY,
        erased_by=BY_ID, retention="300 seconds",
    )  # fmt: skip
