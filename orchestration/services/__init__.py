"""What other code may ask of orchestration."""

from orchestration.services.drafting import draft_with

__all__ = ["draft_with"]
