"""Where the laboratory holds something about persons."""

from compliance.datamap import BY_HAND, BY_ID, KEPT, register


def register_places() -> None:
    """List them."""
    register(
        "table", "experiment", "run", "promotion", subjects="staff",
        categories="who asked and decided, by number; names and reasons in free words",
        purpose="accountability for changes of the scoring", erased_by=BY_HAND, retention=KEPT,
        safeguards="numbers of accounts; words about configurations",
    )  # fmt: skip
    register(
        "table", "crossing_decision", categories="random ids and numbers", erased_by=BY_ID, retention=KEPT,
        purpose="to compare configurations", safeguards="ids of signals and accounts, not of persons",
    )  # fmt: skip
