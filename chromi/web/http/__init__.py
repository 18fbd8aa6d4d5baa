"""HTTP layer: negotiation, errors, headers, files, translation and logging."""
