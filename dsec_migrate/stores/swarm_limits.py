"""Limits of Swarm secrets."""

from __future__ import annotations

# `docker secret create`: "secret data must be larger than 0 and less than 512000 bytes" (Docker Engine 28)
MAXIMUM_BYTES = 512_000


# `docker secret create`: 64 characters, the stack's name and an underscore included (Docker Engine 28)
SWARM_MAXIMUM_LENGTH = 64
