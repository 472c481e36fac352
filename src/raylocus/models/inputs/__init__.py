"""What a locator is given: the maps of a place as one type, and sequences of reports as tensors."""
