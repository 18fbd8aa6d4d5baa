"""Admission control: which uploads and jobs are accepted, for each client and in total."""
