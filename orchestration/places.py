"""Where orchestration and its connectors hold something about persons."""

from compliance.datamap import BY_ID, BY_KEY, register

WHY = "outreach that a human approved"


def register_places() -> None:
    """List them."""
    register(
        "table", "actions", categories="random ids, evidence as ids", purpose=WHY, erased_by=BY_ID,
        retention="until erasure",
    )  # fmt: skip
    register(
        "table", "action_revisions", categories="drafts (sealed)", purpose=WHY,
        erased_by="orchestration.actions", retention="drafts",
    )  # fmt: skip
    register(
        "table", "approvals", categories="notes of reviewers (sealed)", purpose="to prove who decided",
        subjects="business contacts, staff", erased_by=BY_KEY, retention="until erasure",
    )  # fmt: skip
    register(
        "connector", "outreach", categories="name, e-mail address, letters that were sent", purpose=WHY,
        lawful_basis="consent", recipients="the sending service (processor)",
        transfer="by the contract with the service", erased_by="connector.outreach",
        retention="by the contract with the service", safeguards="TLS; told of approved letters only",
    )  # fmt: skip
    register(
        "connector", "language model", categories="class of a title, typed facts; no name, no address",
        purpose="drafting", recipients="the model's service (processor)", erased_by=BY_ID,
        transfer="by the contract with the service", retention="by the contract with the service",
        safeguards="TLS; no names, addresses or free text of persons",
    )  # fmt: skip
    register(
        "connector", "salesforce", categories="review tasks on an account; no person", purpose=WHY,
        subjects="none", recipients="your own CRM", erased_by=BY_ID, retention="by the CRM",
        safeguards="TLS; only where tasks are set up",
    )  # fmt: skip
