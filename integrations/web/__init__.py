"""Pages for integrators."""
