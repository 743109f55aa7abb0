"""Moves the plaintext secrets of a Docker Compose project into Docker secrets."""
