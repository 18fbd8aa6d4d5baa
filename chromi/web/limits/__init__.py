"""Per-request limits."""
