"""A migrated project: the state of its secrets, their values, their age."""
