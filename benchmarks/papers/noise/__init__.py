"""What x_T fixes, and what a search over it cannot reach."""
