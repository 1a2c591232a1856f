"""Bring a database up to date in one process: tables, partitions, topics, reference data.

    python -m revctx.devstack.prepare LOGINS_FILE [--topics]

Each is a management command of its own; together they pay for starting Django once. Who may log in
to a local stack is written to the file.
"""

import sys
from pathlib import Path

import django
from django.core.management import call_command

django.setup()

from revctx.management.commands import seed  # noqa: E402 - its imports need the models


def prepare(*, with_topics: bool) -> None:
    """Run the commands in order."""
    call_command("migrate", database="owner", interactive=False, verbosity=1)
    call_command("create_audit_partitions")
    if with_topics:
        call_command("create_topics")
    call_command("seed")


def describe_logins() -> str:
    """Return the demo logins and their roles, a line each."""
    lines = [f"           {name:<6} {', '.join(groups)}" for name, (_, _, groups) in seed.PEOPLE.items()]
    return "\n".join([f"Logins     password {seed.PASSWORD}", *lines]) + "\n"


if __name__ == "__main__":
    prepare(with_topics="--topics" in sys.argv[2:])
    Path(sys.argv[1]).write_text(describe_logins(), encoding="utf-8")
