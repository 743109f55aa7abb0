"""Which Compose files a call means, project by project."""
