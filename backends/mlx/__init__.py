"""Models of mlx-lm on this machine: a thin front, and a child process that owns the model."""
