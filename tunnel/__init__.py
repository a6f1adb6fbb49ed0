"""Keeping hosts reachable over SSH."""
