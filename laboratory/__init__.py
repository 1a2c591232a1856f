"""The laboratory: replays real signals against another configuration, apart from production."""
