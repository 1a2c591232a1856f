"""What a token or a role may do."""

SCOPES = frozenset(
    {
        "signals:write",
        "signals:read",
        "quarantine:open",
        "accounts:read",
        "accounts:write",
        "consent:write",
        "consent:read",
        "actions:read",
        "actions:propose",
        "actions:review",
        "actions:approve",
        "lab:read",
        "lab:write",
        "lab:approve",
        "audit:read",
        "privacy:write",
    }
)

_READ = {"signals:read", "accounts:read", "actions:read", "lab:read"}

# Django group → scopes. A person has the scopes of all their groups.
ROLES: dict[str, frozenset[str]] = {
    "reviewer": frozenset(_READ | {"actions:propose", "actions:review", "consent:read"}),
    "approver": frozenset(
        _READ
        | {
            "accounts:write",
            "actions:propose",
            "actions:review",
            "actions:approve",
            "lab:approve",
            "consent:read",
        }
    ),
    "privacy_officer": frozenset(
        {"accounts:read", "consent:read", "consent:write", "audit:read", "privacy:write"}
    ),
    "lab_scientist": frozenset(_READ | {"lab:write"}),
    "integration": frozenset({"signals:write"}),
    "auditor": frozenset({"audit:read"}),
    "admin": SCOPES,
}


def scopes_of_roles(names: list[str]) -> frozenset[str]:
    """Return the scopes that these roles give together; unknown groups give none."""
    return frozenset().union(*(ROLES.get(name, frozenset()) for name in names))
