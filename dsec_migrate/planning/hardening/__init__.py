"""Passes beyond secrets (``--harden``)."""
