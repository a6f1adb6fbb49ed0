"""Nightmill: batches of LLM jobs on machines you own."""
