"""Pages for privacy officers and auditors."""
