"""Seeing what runs: Flower with pages of ours, from the store only."""
