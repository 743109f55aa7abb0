"""Judges what a run made of a project by what ``docker compose config`` says before and after.

Texts that a shell runs are run, with programs that print their words and variables in the place of the real ones, and
with the secrets' files in the place of ``/run/secrets``: only what a program gets counts, not how it is written.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

COMPOSE = os.environ.get("COMPOSE_BIN", "/usr/local/lib/docker/cli-plugins/docker-compose")
STUBS = (
    "psql", "pg_isready", "mysqladmin", "mysql", "redis-cli", "redis-server", "grep", "sleep", "docker-entrypoint.sh",
)  # fmt: skip
_STUB = """#!/bin/sh
printf '<%s>' "${0##*/}" "$@" "PGPASSWORD=$PGPASSWORD" "MYSQL_PWD=$MYSQL_PWD" "REDISCLI_AUTH=$REDISCLI_AUTH"
"""
_SHOW = """#!/bin/sh
for word; do printf '%s\\0' "$word"; done
printf '\\0\\0'
exec /usr/bin/env -0
"""
_CHANGED = {"environment", "secrets", "command", "entrypoint", "healthcheck"}
Config = dict[str, Any]


def make_stubs(folder: Path) -> None:
    folder.mkdir()
    for name, text in (*((name, _STUB) for name in STUBS), ("show", _SHOW)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def load(folder: Path, files: Sequence[str]) -> tuple[Config | None, str]:
    """What Compose makes of a project, or what it complains of."""
    words = [
        COMPOSE,
        *(word for file in files for word in ("-f", file)),
        "--profile",
        "*",
        "config",
        "--format",
        "json",
    ]
    known = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PWD": str(folder)}
    done = subprocess.run(words, cwd=folder, env=known, capture_output=True, timeout=60, check=False)
    if done.returncode:
        return None, done.stderr.decode("utf-8", "replace").strip().splitlines()[-1]
    return json.loads(done.stdout), ""


class Judge:
    """``stubs`` is the folder with the programs that stand for real ones."""

    def __init__(self, stubs: Path) -> None:
        self.stubs = stubs

    def compare(self, before: Config, after: Config) -> Iterator[str]:
        """What is lost or other, never with a value."""
        if before["services"].keys() != after["services"].keys():
            yield "the services are not the same"
            return
        for key in before.keys() | after.keys():
            if key not in {"services", "secrets"} and key[:2] != "x-" and before.get(key) != after.get(key):
                yield f"the top-level {key} is another one"
        for name, old in before["services"].items():
            new = after["services"][name]
            for key in old.keys() | new.keys():
                if key not in _CHANGED and old.get(key) != new.get(key):
                    yield f"{name}.{key} is another one"
            for what in self._service(old, new, after):
                yield f"{name}: {what}"

    def _service(self, old: Config, new: Config, after: Config) -> Iterator[str]:
        files = dict(_mounted(new, after))
        missing = [target for target, path in files.items() if not Path(path).is_file()]
        for target in missing:
            yield f"there is no file for {target}"
        if missing:
            return
        is_wrapped = (new.get("entrypoint") or []) != (old.get("entrypoint") or [])
        env = _variables(new)
        if is_wrapped:
            started = self._started(new, files)
            if started is None:
                yield "the wrapper does not start"
                return
            words, env = started
            wanted = _words(old)
            got = words[len(words) - len(wanted) :]
            if got != wanted and self._said(got, env, files) != self._said(wanted, _variables(old), {}):
                yield "the program gets other words"
        else:
            one, other = self._said(_words(old), _variables(old), {}), self._said(_words(new), env, files)
            if one != other:
                yield "the command says something else"
        for variable, value in _variables(old).items():
            if env.get(variable) != value and not _is_held(variable, value, env, files):
                yield f"{variable} is {'lost' if variable not in env else 'another one'}"
        added = _variables(new).keys() - _variables(old).keys()
        for variable in sorted(added):
            if _file(_variables(new)[variable], files) is None:
                yield f"{variable} came from nowhere"
        was, now = dict(old.get("healthcheck") or {}), dict(new.get("healthcheck") or {})
        one_test, other_test = was.pop("test", None), now.pop("test", None)
        if was != now:
            yield "its healthcheck has other options"
        if self._said(_of_test(one_test), _variables(old), {}) != self._said(
            _of_test(other_test), _variables(new), files
        ):
            yield "its healthcheck says something else"

    def _started(self, service: Config, files: Mapping[str, str]) -> tuple[list[str], dict[str, str]] | None:
        """The words and the variables that the program behind a wrapper gets."""
        entrypoint = [_unescaped(word) for word in service["entrypoint"]]
        if len(entrypoint) < 4 or entrypoint[1] != "-ec":
            return None
        words = [*entrypoint[4:], *map(_unescaped, service.get("command") or [])]
        script = _on_disk(entrypoint[2], files)
        known = {**_variables(service), "PATH": f"{self.stubs}:/usr/bin:/bin"}
        # a path in a word is what the wrapper looks for: both name the same file here
        words = [_on_disk(word, files) for word in words]
        command = ["/bin/sh", "-ec", script, "sh", str(self.stubs / "show"), *words]
        done = subprocess.run(command, env=known, capture_output=True, timeout=20, check=False)
        if done.returncode:
            return None
        shown, _, env = done.stdout.decode().partition("\0\0\0")
        pairs = (line.partition("=") for line in env.split("\0") if line)
        found = {name: value for name, _, value in pairs if name not in {"PATH", "PWD", "_", "SHLVL"}}
        return shown.split("\0") if shown else [], found

    def _said(self, words: Sequence[str] | None, env: Mapping[str, str], files: Mapping[str, str]) -> str | None:
        """What the programs of a command or a test get."""
        if not words:
            return None
        known = {**env, "PATH": f"{self.stubs}:/usr/bin:/bin"}
        if words[0] in {"sh", "/bin/sh", "bash"}:
            command = ["/bin/sh", *(_on_disk(word, files) for word in words[1:])]
        elif words[0] in STUBS:
            command = list(words)
        else:
            return "\0".join(words)
        done = subprocess.run(command, env=known, capture_output=True, timeout=20, check=False)
        return f"{done.returncode} {done.stdout.decode()} {done.stderr.decode() if done.returncode else ''}"


def _mounted(service: Config, config: Config) -> Iterator[tuple[str, str]]:
    """Path in the container and file on the host of each secret."""
    for one in service.get("secrets") or ():
        target = one.get("target") or one["source"]
        path = target if target.startswith("/") else f"/run/secrets/{target}"
        yield path, config.get("secrets", {}).get(one["source"], {}).get("file", "")


def _unescaped(text: str) -> str:
    return text.replace("$$", "$")


def _variables(service: Config) -> dict[str, str]:
    return {name: _unescaped(value) for name, value in (service.get("environment") or {}).items() if value is not None}


def _words(service: Config) -> list[str]:
    return [_unescaped(word) for key in ("entrypoint", "command") for word in service.get(key) or ()]


def _of_test(test: Sequence[str] | None) -> list[str] | None:
    if not test:
        return None
    words = [_unescaped(word) for word in test]
    return ["sh", "-c", *words[1:]] if words[0] == "CMD-SHELL" else words[1:]


def _on_disk(text: str, files: Mapping[str, str]) -> str:
    for path, file in sorted(files.items(), key=lambda pair: -len(pair[0])):
        text = re.sub(rf"{re.escape(path)}(?![\w.-])", lambda _, file=file: file, text)  # type: ignore[misc]
    return text


def _file(value: str, files: Mapping[str, str]) -> str | None:
    """The file on the host that a variable's value names."""
    return next((file for path, file in files.items() if value == path or value.endswith(f"//{path}")), None)


def _is_held(variable: str, value: str, env: Mapping[str, str], files: Mapping[str, str]) -> bool:
    """Whether a variable names a file that holds the value of ``variable``."""
    for name in (f"{variable}_FILE", f"{variable}__FILE", f"FILE__{variable}", variable):
        file = _file(env.get(name, ""), files)
        if file is not None and Path(file).read_bytes() == value.encode():
            return True
    return False
