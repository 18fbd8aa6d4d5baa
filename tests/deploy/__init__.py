"""The files in deploy/ and fly.toml."""
