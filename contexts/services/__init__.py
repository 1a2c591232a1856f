"""Writes that other apps may call."""

from contexts.services.configs import activate_configs, store_configs
from contexts.services.contacts import open_contact
from contexts.services.enrichment import record_enrichment
from contexts.services.packs import build_pack

__all__ = ["activate_configs", "build_pack", "open_contact", "record_enrichment", "store_configs"]
