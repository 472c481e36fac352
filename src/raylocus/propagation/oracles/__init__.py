"""Independent answers that the atlas is compared with; no entry point needs them."""
