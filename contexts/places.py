"""Where contexts holds something about persons."""

from compliance.datamap import BY_HAND, BY_ID, KEPT, UNTIL_ERASURE, register, register_without_persons

WHY = "to know which accounts want to buy, and why"


def register_places() -> None:
    """List them."""
    _register_persons()
    _register_others()


def _register_persons() -> None:
    register(
        "table", "contexts_contact", categories="name, title (sealed); class of the title", purpose=WHY,
        erased_by="contexts", retention=UNTIL_ERASURE,
    )  # fmt: skip
    register(
        "table", "contexts_scorebucket", categories="evidence by person, as numbers", purpose=WHY,
        erased_by="contexts", retention=UNTIL_ERASURE,
    )  # fmt: skip
    register(
        "table", "contexts_ledgerentry", categories="evidence by person, as numbers", purpose=WHY,
        erased_by=BY_ID, retention=KEPT,
    )  # fmt: skip
    register(
        "table", "contexts_storedpack", categories="random ids", purpose=WHY, erased_by=BY_ID,
        retention=KEPT,
    )  # fmt: skip
    register(
        "table", "contexts_identitymerge", "contexts_mergecandidate", categories="random ids",
        purpose="to know what is one account or person", erased_by=BY_ID, retention=KEPT,
    )  # fmt: skip
    register(
        "cache", "contexts:evidence:", categories="random ids and numbers", purpose=WHY,
        erased_by=BY_ID, retention="seconds to a day, by Redis",
        safeguards="five minutes; deleted at erasure",
    )  # fmt: skip


def _register_others() -> None:
    register(
        "table", "contexts_account", "contexts_accountalias", subjects="companies; sole traders",
        categories="names, domains and facts of companies", purpose=WHY, erased_by=BY_HAND, retention=KEPT,
        safeguards="facts are typed; a person's name belongs into a contact",
    )  # fmt: skip
    register(
        "table", "contexts_configactivation", "contexts_configrollout", "contexts_retraction",
        subjects="staff", categories="who did it, by number", purpose="accountability", erased_by=BY_ID,
        retention=KEPT, safeguards="numbers of accounts only",
    )  # fmt: skip
    register_without_persons(
        "rules of scoring and which are in use", "contexts_activeconfig", "contexts_decayconfig",
        "contexts_icpdefinition", "contexts_weightconfig",
    )  # fmt: skip
    register_without_persons(
        "scores and typed facts of companies", "account_contexts", "contexts_crossing",
        "contexts_enrichmentrecord",
    )  # fmt: skip
    register_without_persons("counts of a replay", "contexts_replayrun")
