"""Findings -> changes."""
