"""HTTP endpoints of the laboratory."""
