"""Limits on what one project may cost: shape (length, depth, number), each far beyond what people write.

A repository is untrusted input, and CI gates read it. So no file may cost more than its length: what expands, nests or
repeats beyond these figures is an error of its project, with its location. None of them is a timeout, which a large
project on a slow machine would hit.
"""

from __future__ import annotations

TEXT_BYTES = 16 * 1024 * 1024
"""Of one file that is read: a Compose file of 2,000 services has one."""

UNFOLDED_CHARACTERS = 1024 * 1024
"""Of one value whose references are replaced. Linux starts no program with a variable of more than 128 KiB."""

PROJECT_CHARACTERS = 64 * UNFOLDED_CHARACTERS
"""Of the values of all variables of a project and its includes, counted once for each service that receives them."""

PROJECT_VARIABLES = 500_000
"""Of all services together. 2,000 services with 50 each have a fifth of it."""

INTERPOLATION_DEPTH = 100
"""``${A:-${B:-…}}``."""

NODE_DEPTH = 200
"""Of nested collections of YAML, aliases followed."""

UNFOLDED_NODES = 1_000_000
"""Of a YAML file with its aliases followed; go-yaml refuses such a file as "excessive aliasing"."""

EXTENDS_DEPTH = 100
"""Of services that extend each other."""

PROJECT_LAYERS = 100_000
"""Mappings that make the services of a project: files, documents, and what each of them extends."""

SERVICE_ARGUMENTS = 100
"""Secrets in the words of a service's commands and healthcheck, or of a Dockerfile: each is checked against all."""

TEXT_USES = 100
"""Occurrences of one value in one command or healthcheck."""

INCLUDE_DEPTH = 50
INCLUDED_PROJECTS = 1000
"""Files added by ``include``, counted each time they are named."""

DATA_DEPTH = 100
"""Of nested lists and tables of TOML and JSON."""
