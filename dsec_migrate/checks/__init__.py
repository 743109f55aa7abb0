"""The audit: one question each about a project."""
