"""The protocol stack: paths to what a network would report."""
