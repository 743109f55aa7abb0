"""The options of a run, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from dsec_migrate.text.records import dataclass


class SourceKind(str, Enum):
    """Where the migrated project takes the value of a secret from. With the last two, the project has files, and an
    override file with a service that fetches the values (:class:`Manager`)."""

    FILE = "file"
    ENVIRONMENT = "environment"
    EXTERNAL = "external"
    VAULT = "vault"
    AWS = "aws"

    @property
    def is_managed(self) -> bool:
        return self not in {SourceKind.FILE, SourceKind.ENVIRONMENT, SourceKind.EXTERNAL}


class Target(str, Enum):
    """What runs the migrated project."""

    COMPOSE = "compose"
    SWARM = "swarm"


class Mount(str, Enum):
    """How the secret files get into a container: as Docker secrets, or as a folder for each service."""

    SECRETS = "secrets"
    VOLUME = "volume"


class Harden(str, Enum):
    """Passes beyond secrets: data stores on networks of their own, secrets only where they are used."""

    NETWORKS = "networks"
    MOUNTS = "mounts"


class Unknown(str, Enum):
    """What to do with images that are not in the table."""

    REWRITE = "rewrite"
    WRAP = "wrap"
    KEEP = "keep"


@dataclass(frozen=True, repr=False)
class Manager:
    """The store that a service of the project fetches values from. ``image`` and ``command`` (a shell command that
    prints the value of ``$1``) of that service replace the vendor's; ``credentials`` is the file of its one secret.
    ``prefix`` precedes each name; None means the project's name."""

    name: str
    image: str = ""
    command: str = ""
    credentials: str = ""
    prefix: str | None = None


@dataclass(frozen=True, repr=False)
class Options:
    """``mode`` is an octal permission as an int (``0o400``); ``uid`` and ``gid`` are numbers as text.

    ``secrets_dir`` is the folder as written to the Compose file; it may contain an expression such as
    ``${SECRETS_DIR:-./secrets}``. ``prune_env`` removes lines of `.env` that nothing reads anymore; ``templates``
    writes templates without values for a fresh start. ``docker`` allows inspecting local images. ``fix`` completes
    half-done migrations. ``registry`` allows querying registries about images, over the network, and ``registries``
    are those that may be at a private address. ``syntax_line`` adds the frontend to Dockerfiles that change.
    ``manager`` stores the values of a project whose source is files. ``encrypt_to`` are public keys of age, for which
    each value is also encrypted. ``stack_output`` is the file for Swarm instead of the project's own, relative to the
    project. ``harden`` are passes beyond secrets.

    ``rename`` are pairs of a variable (or ``service.VARIABLE``) and the name of its secret; ``source_of`` and
    ``delivery_of`` pairs of a pattern and its choice, of which the last match wins. ``skip_because`` are pairs of a
    pattern and a reason, which a run adds to the project's settings; ``skip_settled`` those that are already there.
    ``unproved`` are services and variables whose change failed verification, each with the message. ``allow`` are
    folders outside the project that this command may change. ``settings`` is a file that replaces the settings and
    exceptions in the project's own files; without ``exceptions``, none count.
    """

    source: SourceKind = SourceKind.FILE
    target: Target = Target.COMPOSE
    secrets_dir: str | None = None
    uid: str | None = None
    gid: str | None = None
    mode: int | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    unknown: Unknown = Unknown.REWRITE
    safe: bool = False
    env_files: tuple[Path, ...] = ()
    prune_env: bool = False
    templates: bool = False
    docker: bool = True
    fix: bool = False
    registry: bool = False
    syntax_line: bool = False
    manager: Manager | None = None
    encrypt_to: tuple[str, ...] = ()
    stack_output: str | None = None
    mount: Mount = Mount.SECRETS
    rename: tuple[tuple[str, str], ...] = ()
    source_of: tuple[tuple[str, SourceKind], ...] = ()
    delivery_of: tuple[tuple[str, Unknown], ...] = ()
    skip_because: tuple[tuple[str, str], ...] = ()
    skip_settled: tuple[tuple[str, str], ...] = ()
    harden: tuple[Harden, ...] = ()
    unproved: tuple[tuple[str, str, str], ...] = ()
    allow: tuple[Path, ...] = ()
    settings: Path | None = None
    exceptions: bool = True
    registries: tuple[str, ...] = ()

    @property
    def needs_long_syntax(self) -> bool:
        return self.uid is not None or self.gid is not None or self.mode is not None

    def is_asked_for(self, service: str, variable: str) -> bool:
        """Whether ``--only`` matches it (or there is no ``--only``) and nothing skips it."""
        is_meant = not self.only or self.is_named(service, variable)
        return is_meant and not matches(self.skip, service, variable) and not self.reason_to_skip(service, variable)

    def reason_to_skip(self, service: str, variable: str) -> str:
        """The reason given by ``--skip-because`` or the project's settings; empty where they do not skip it."""
        pairs = (*self.skip_settled, *self.skip_because)
        return next((reason for pattern, reason in pairs if matches((pattern,), service, variable)), "")

    def name_for(self, service: str, variable: str) -> str:
        """The name chosen for its secret, or an empty string."""
        return dict(self.rename).get(f"{service}.{variable}") or dict(self.rename).get(variable, "")

    def source_for(self, service: str, variable: str) -> SourceKind:
        return next(
            (source for pattern, source in reversed(self.source_of) if matches((pattern,), service, variable)),
            self.source,
        )

    def delivery_for(self, service: str, variable: str) -> Unknown | None:
        """The choice of ``--delivery-of``; None where no pattern matches."""
        return next(
            (how for pattern, how in reversed(self.delivery_of) if matches((pattern,), service, variable)), None
        )

    def is_named(self, service: str, variable: str) -> bool:
        return matches(self.only, service, variable)


def matches(patterns: Sequence[str], service: str, variable: str) -> bool:
    """A pattern is matched against the variable's whole name, then against ``service.VARIABLE``."""
    if not patterns:
        return False
    names, globs = _kinds(tuple(patterns))
    whole = f"{service}.{variable}"
    if variable in names or whole in names:
        return True
    return any(fnmatchcase(variable, pattern) or fnmatchcase(whole, pattern) for pattern in globs)


@lru_cache(maxsize=16)
def _kinds(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Plain names (there may be hundreds) and patterns."""
    globs = tuple(pattern for pattern in patterns if any(character in pattern for character in "*?["))
    return frozenset(patterns) - frozenset(globs), globs


def literally(name: str) -> str:
    """The pattern that matches only ``name``."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
