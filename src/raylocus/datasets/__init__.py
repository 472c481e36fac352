"""The zarr store of reports and the tensors that models eat."""
