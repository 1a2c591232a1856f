"""What people would build instead: honest versions of two usual designs, to measure beside."""
