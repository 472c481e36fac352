"""The channel at UEs: a world of a place, a known one, and what walls do to it."""
