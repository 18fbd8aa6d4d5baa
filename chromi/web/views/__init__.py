"""Views, with one module per kind of resource."""
