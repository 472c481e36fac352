"""What maps and paths say should be measured at a point, differentiable, and how far measurements are off."""
