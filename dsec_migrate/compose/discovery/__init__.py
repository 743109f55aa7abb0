"""Which Compose files a call refers to, project by project."""
