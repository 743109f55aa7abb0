"""Runs of the command line in copies of one process that has imported everything: ten times as fast as new processes.

A run can be killed at any of its calls: system calls for files, programs, HTTP requests.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

NURSERY = """\
import http.client, importlib, itertools, json, os, subprocess, sys, tempfile
from contextlib import suppress

from dsec_migrate.cli import main
for name in (
    *("cli.option_parser", "migrate.pipeline", "transaction", "rewrite.overlay", "stores.vault", "stores.aws",
    "stores.swarm"), *("stores.age", "cli.verbs.pull", "cli.verbs.push", "cli.verbs.lock", "cli.verbs.unlock",
    "cli.verbs.rotate", "cli.verbs.rotate_swarm"), *("cli.verbs.manifests", "lifecycle.rotation.new_value"),
):
    importlib.import_module(f"dsec_migrate.{name}")
for name in ("hvac", "boto3", "botocore.httpsession", "pyrage", "jsonschema_rs"):
    with suppress(ImportError):
        importlib.import_module(name)

def counted(real):
    def call(*words, **more):
        if next(counter) == last:
            os.kill(os.getpid(), 9)
        return real(*words, **more)
    return call

for line in sys.stdin:
    asked = json.loads(line)
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(asked["folder"])
            os.environ.clear()
            os.environ.update(asked["variables"])
            last, counter, status = asked["last"], itertools.count(1), 1
            for name in ("replace", "rename", "link", "unlink", "fsync", "mkdir", "rmdir", "fchmod", "chmod", "fdopen"):
                setattr(os, name, counted(getattr(os, name)))
            subprocess.run = counted(subprocess.run)
            http.client.HTTPConnection.request = counted(http.client.HTTPConnection.request)
            try:
                main(asked["words"])
            except SystemExit as end:
                status = end.code or 0
            if last == 0:
                print("calls", next(counter) - 1)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        print(json.dumps([status, said.read().decode("utf-8", "replace")]), flush=True)
"""


class Ended(NamedTuple):
    """``said`` is what a run wrote to both of its streams."""

    status: int
    said: str


@cache
def _process() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", NURSERY]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    return process


def run(folder: Path, words: Sequence[str], variables: Mapping[str, str], last: int = -1) -> Ended:
    """Kills the program at its call number ``last``; with 0 it tells how many there are."""
    asked = {"folder": str(folder), "variables": dict(variables), "words": list(words), "last": last}
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    return Ended(*json.loads(process.stdout.readline()))
