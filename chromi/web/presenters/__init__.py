"""Prepare jobs, links and uploads for pages and JSON."""
