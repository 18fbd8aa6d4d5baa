"""Limits and secrets that are checked per request."""
