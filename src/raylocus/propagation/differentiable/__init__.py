"""What Dr.Jit computes for torch, gradients included: textures and paths. Loaded when it is first asked for."""
