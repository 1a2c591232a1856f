"""Everything that changes the laboratory's tables."""
