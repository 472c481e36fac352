"""Networks over rasters of any size that keep it: convolutions, attention over patches, and both."""
