"""Running jobs on one host, pinned to one pool."""
