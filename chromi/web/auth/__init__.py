"""Authorization: link passwords and the admin token."""
