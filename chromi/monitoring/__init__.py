"""Observe and run the service: health checks, statistics, the supervisor, backups."""
