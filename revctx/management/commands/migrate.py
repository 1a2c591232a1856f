"""`manage.py migrate`, as the owner of the schema: the app role owns nothing."""

from django.core.management.base import CommandParser
from django.core.management.commands import migrate


class Command(migrate.Command):
    """Django's `migrate` with the owner's connection as its default."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Use the alias `owner` unless another is named."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner")
