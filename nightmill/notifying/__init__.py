"""Telling people that a batch is over, paused or expired."""
