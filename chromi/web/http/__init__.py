"""HTTP: negotiation, errors, headers, files, translation, logging."""
