"""Training: Lightning module, data module, schedule and calibration."""
