"""Monitor and run the service: health checks, statistics, the supervisor and backups."""
