"""Nightmill measured against what it is made of: ratios of two sides in one run."""
