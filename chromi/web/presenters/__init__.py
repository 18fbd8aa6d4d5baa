"""What pages and JSON show of a job, a link and an upload."""
