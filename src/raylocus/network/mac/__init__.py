"""Medium access control: timing, power and buffers (TS 38.213, 38.321)."""
