"""Revctx: the Unified Revenue Context Engine."""
