"""Environ overrides of requests from public addresses, which have limits; local addresses have none."""

REMOTE = {"REMOTE_ADDR": "8.8.8.8"}
OTHER_REMOTE = {"REMOTE_ADDR": "9.9.9.9"}
