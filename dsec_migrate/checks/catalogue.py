"""The checks of the audit, each one question about a project, in four groups.

A check is a module of this folder. Its docstring is its page: the first line is the title, as shown in the checklist,
then why it matters and what to do, with sources. ``look`` answers it for one :class:`Subject`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from importlib import import_module
from typing import NamedTuple

from dsec_migrate.checks.subject import Done, Item, Subject, Weight

__all__ = ["CHECKS", "IDS", "Answer", "Check", "Done", "Group", "Item", "Subject", "Weight", "every", "load"]


class Group(str, Enum):
    """The phase of a project that a question concerns."""

    BUILD = "Image build"
    RUNTIME = "Runtime"
    OPERATIONS = "Operations"
    DEVELOPMENT = "Development"


CHECKS: Mapping[Group, tuple[str, ...]] = {
    Group.BUILD: (
        "secret-in-build-argument",
        "secret-in-image-environment",
        "secret-in-build-command",
        "secret-copied-into-image",
        "build-mounts",
        "secret-in-git",
        "secret-in-git-history",
    ),
    Group.RUNTIME: (
        "plaintext-in-environment",
        "plaintext-in-command",
        "plaintext-elsewhere",
        "commented-secret",
        "secrets-from-files",
        "half-done-migration",
        "secret-file",
        "secret-file-mode",
        "internal-network",
        "published-data-store",
        "unused-mount",
    ),
    Group.OPERATIONS: (
        "secret-age",
        "external-manager",
        "encrypted-at-rest",
        "default-value",
        "weak-value",
        "shared-value",
    ),
    Group.DEVELOPMENT: (
        "gitignore",
        "dockerignore",
        "template",
        "documented-secrets",
        "one-set-per-environment",
    ),
}
"""All checks in the order of the checklist; each is a module of the same name."""

IDS = tuple(check for checks in CHECKS.values() for check in checks)

Answer = Item | Done
"""What to do, or that all is well; a question that does not apply has no answer."""


class Check(NamedTuple):
    """``text`` is its page without the title, in Markdown."""

    id: str
    group: Group
    title: str
    text: str
    look: Callable[[Subject], Iterator[Answer]]


def load(name: str) -> Check:
    """The check of that ID, which must be one of ``IDS``."""
    module = import_module(f"dsec_migrate.checks.{name.replace('-', '_')}")
    title, _, text = inspect.cleandoc(module.__doc__ or "").partition("\n")
    group = next(group for group, checks in CHECKS.items() if name in checks)
    return Check(name, group, title.rstrip("."), text.strip(), module.look)


def every() -> Iterator[Check]:
    return map(load, IDS)
