"""Seeing what runs: dashboards, metrics, alerts."""
