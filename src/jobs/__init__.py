"""Background tasks: a worker that takes over from one that died."""
