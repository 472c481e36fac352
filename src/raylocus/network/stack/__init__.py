"""Complete reports: every layer of the protocol stack over the paths of a place."""
