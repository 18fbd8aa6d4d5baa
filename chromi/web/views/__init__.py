"""The views, one module per kind of resource."""
