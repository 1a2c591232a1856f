"""Writes that other apps may call."""

from contexts.services.configs import store_configs
from contexts.services.contacts import open_contact
from contexts.services.enrichment import record_enrichment
from contexts.services.packs import build_pack
from contexts.services.rollouts import activate_configs

__all__ = ["activate_configs", "build_pack", "open_contact", "record_enrichment", "store_configs"]
