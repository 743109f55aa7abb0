"""What a project may ask of this program: limits on shape (length, depth, number), each far beyond what people write.

A repository is somebody else's text, and a gate reads it. So no text may cost more than its length: what unfolds,
nests or repeats beyond these figures is an error of its project, with its place. None of them is a clock, which a large
project on a slow machine would meet.
"""

from __future__ import annotations

TEXT_BYTES = 16 * 1024 * 1024
"""Of one file that is read: a Compose file of 2,000 services has one."""

UNFOLDED_CHARACTERS = 1024 * 1024
"""Of one value whose references are replaced. Linux starts no program with a variable of more than 128 KiB."""

PROJECT_CHARACTERS = 64 * UNFOLDED_CHARACTERS
"""Of the values of all variables of a project and of what it includes, each as often as a service gets it."""

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
"""Secrets among the words of a service's commands and healthcheck, or of a Dockerfile: each asks about the others."""

TEXT_USES = 100
"""Places of one command or healthcheck that say one value."""

INCLUDE_DEPTH = 50
INCLUDED_PROJECTS = 1000
"""Files that ``include`` brings in, each as often as it is named."""

DATA_DEPTH = 100
"""Of nested lists and tables of TOML and JSON."""
