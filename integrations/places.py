"""Where the connectors hold something about persons, and whom they tell."""

from compliance.datamap import (
    BY_CONTRACT,
    BY_ID,
    BY_TIME,
    UNTIL_ERASURE,
    register,
    register_callers,
    register_without_persons,
)

WHY = "outreach that a human approved"


def register_places() -> None:
    """List them."""
    register(
        "table", "integration_references", categories="ids of other systems for a person (keyed hashes)",
        purpose="to attribute a connector's event to its account and person", erased_by="integrations",
        retention=UNTIL_ERASURE, safeguards="ids as keyed hashes (HMAC-SHA256)",
    )  # fmt: skip
    _register_services()
    _register_callers()
    register(
        "cache", "breaker:", subjects="none", categories="failures of a service", purpose="operation",
        erased_by=BY_TIME, retention="seconds to a day, by Redis", safeguards="names and numbers only",
    )  # fmt: skip
    register(
        "table", "integration_inbound", subjects="none", categories="times, sources and counts of requests",
        purpose="operation", erased_by=BY_TIME, retention="INBOUND_LOG_DAYS", safeguards="no content is kept",
    )  # fmt: skip
    register(
        "table", "integration_seen_deliveries", categories="hashes of deliveries, id of what was quarantined",
        purpose="to take each delivery once", erased_by=BY_ID, retention="deliveries",
        safeguards="hashes (SHA-256)",
    )  # fmt: skip
    register_without_persons(
        "how to reach and read other systems; secrets sealed", "enrichment_providers",
        "integration_change_cursors", "integration_oauth_grants", "integration_sources",
    )  # fmt: skip
    register_without_persons("ids of companies and deals in the CRM", "integration_opportunity_accounts")


def _register_services() -> None:
    register(
        "connector", "outreach", categories="name, e-mail address, letters that were sent", purpose=WHY,
        lawful_basis="consent", recipients="the sending service (processor)",
        transfer="by the contract with the service", erased_by="connector.outreach",
        retention=BY_CONTRACT, safeguards="TLS; told of approved letters only",
    )  # fmt: skip
    register(
        "connector", "language model", categories="class of a title, typed facts; no name, no address",
        purpose="drafting", recipients="the model's service (processor)", erased_by=BY_ID,
        transfer="by the contract with the service", retention=BY_CONTRACT,
        safeguards="TLS; no names, addresses or free text of persons",
    )  # fmt: skip
    register(
        "connector", "salesforce", categories="review tasks on an account; no person", purpose=WHY,
        subjects="none", recipients="your own CRM", erased_by=BY_ID, retention="by the CRM",
        safeguards="TLS; only where tasks are set up",
    )  # fmt: skip
    register(
        "connector", "enrichment providers", subjects="companies; sole traders under their own domain",
        categories="the domain of a company; no person, no address", purpose="facts about a company",
        recipients="each provider that is switched on", transfer=BY_CONTRACT, retention=BY_CONTRACT,
        erased_by=BY_ID, safeguards="TLS; only typed facts of the answer are read",
    )  # fmt: skip


def _register_callers() -> None:
    """Name who calls out: the packages, by place, and the kinds of providers that one package serves."""
    register_callers("outreach", "integrations.outreach")
    register_callers("language model", "integrations.llm")
    register_callers("salesforce", "integrations.salesforce")
    register_callers(
        "enrichment providers", "integrations.enrichment", "clearbit", "plain"
    )  # the last two: kinds of provider, which share the package's caller
    # Asks for the tokens of these two; the services learn of nobody from it.
    register_callers("outreach", "integrations.grants")
