"""LocUNet, the learned peer, re-implemented from its description."""
