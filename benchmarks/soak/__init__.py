"""Check that a service under mixed load for twenty minutes keeps its memory, descriptors and disk usage."""
