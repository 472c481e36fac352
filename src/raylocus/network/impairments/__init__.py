"""What goes missing or wrong on the way to a report: availability, clocks, identities."""
