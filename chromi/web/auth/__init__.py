"""Who may see something: passwords of links, the admin token."""
