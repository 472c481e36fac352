"""What this machine traces with: CUDA or LLVM, decided before Dr.Jit is imported."""
