"""Outcome -> text: one module for each format."""
