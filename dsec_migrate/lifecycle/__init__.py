"""A migrated project: the state, values and age of its secrets."""
