"""Bytes, positions, edits, values that cannot be printed, and the errors that a user sees."""
