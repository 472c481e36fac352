"""The physical layer: what a UE or gNB measures (TS 38.211, 38.214, 38.215)."""
