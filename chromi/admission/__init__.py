"""Admission control: which uploads and jobs are accepted, per client and in total."""
