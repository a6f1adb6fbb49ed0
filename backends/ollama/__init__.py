"""Ollama's own API, and the guarantee that what it is asked stays where it runs."""
