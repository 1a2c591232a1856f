"""Pages of the signal store."""
