"""Training, checkpoints, search and metrics."""
