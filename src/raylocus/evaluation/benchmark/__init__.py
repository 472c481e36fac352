"""The benchmark: fixed unseen places, severities and feature sets, every method, one table."""
