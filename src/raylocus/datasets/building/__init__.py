"""Building a dataset: its units of work."""
