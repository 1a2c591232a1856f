"""`manage.py mcp_server`: let an assistant read and propose, over the Model Context Protocol."""

import importlib
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orchestration.mcp.access import find_caller
from revctx.api.errors import ApiError


class Command(BaseCommand):
    """Serves one client over standard input, or many over HTTP on loopback."""

    help = "Serve the MCP tools. Needs requirements-mcp.txt, and over standard input REVCTX_MCP_TOKEN."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--http", action="store_true", help="streamable HTTP on 127.0.0.1 at /mcp")
        parser.add_argument("--port", type=int, default=8765)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until the client hangs up or the process is told to stop."""
        try:
            server = importlib.import_module("orchestration.mcp.server")
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("orchestration"):
                raise
            raise CommandError(f"{error.name} is missing: pip install -r requirements-mcp.txt") from error
        if options["http"]:
            self.stderr.write(f"MCP at http://{server.HOST}:{options['port']}/mcp")
            server.serve_http(options["port"])
            return
        try:
            find_caller(secret=settings.REVCTX_MCP_TOKEN, now=timezone.now())
        except ApiError as error:
            raise CommandError(f"REVCTX_MCP_TOKEN: {error.message}") from error
        server.serve_stdio(settings.REVCTX_MCP_TOKEN)
