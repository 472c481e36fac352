"""Logs of phones and drive tests: one file a format, one table that all are read to, and the way to `Reports`."""
