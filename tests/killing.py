"""A project of many files, real runs of ``--write`` that are ended at any step, and what has to be true afterwards.

Used by test_kill.py for a few runs and by benchmarks/kill.py for hundreds.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from conftest import REPOSITORY, snapshot

from dsec_migrate import transaction
from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.config.options import Options
from dsec_migrate.migrate import batch
from dsec_migrate.outcome import Outcome
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.reserved_names import JOURNAL, UNDO

# calls that change the disk; an `openat` counts where it makes a file
CALLS = (
    *("write", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat"),
    *("fsync", "mkdir", "mkdirat", "rmdir", "fchmod", "fchown", "ftruncate", "openat"),
)
COMMAND = "from dsec_migrate.cli import main; main()"
# the same where there is no strace: the process counts its own calls
COUNTING = """\
import errno, itertools, os, signal, sys
last, fault, lasting = int(sys.argv.pop(1)), sys.argv.pop(1), sys.argv.pop(1)
counter = itertools.count(1)

def counted(real):
    def call(*words, **more):
        number = next(counter)
        if number == last or (lasting == "+" and number > last):
            if fault == "SIGKILL":
                os.kill(os.getpid(), 9)
            raise OSError(getattr(errno, fault), os.strerror(getattr(errno, fault)))
        return real(*words, **more)
    return call

from dsec_migrate.cli import main
for name in ("replace", "rename", "link", "unlink", "fsync", "mkdir", "rmdir", "fchmod", "fdopen"):
    setattr(os, name, counted(getattr(os, name)))
try:
    main()
finally:
    if last == 0:
        print(next(counter) - 1, file=sys.stderr)
"""


class Project(NamedTuple):
    """What one migration has to do: every file by its relative path before and after, and all values."""

    layers: Sequence[str]
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    values: Sequence[bytes]

    def lay_out(self, folder: Path) -> None:
        for name, data in self.before.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def command(self) -> list[str]:
        return [*(word for layer in self.layers for word in ("-f", layer)), "--write"]


class Step(NamedTuple):
    """The ``number``-th (from 1) call of a kind that a run makes."""

    call: str
    number: int


class Verdict(NamedTuple):
    """What is wrong after a run that was ended, and after the next one. Names of files, never a value."""

    lost: Sequence[str]
    half_written: Sequence[str]
    unfinished: Sequence[str]

    @property
    def is_good(self) -> bool:
        return not any(self)


def make_project(folder: Path, layers: int = 8, env_files: int = 30, values: int = 200) -> Project:
    """``layers`` Compose files of one project, an extended file and an included project beside them, ``env_files`` env
    files, and ``values`` secrets in all of them. Migrated once below ``folder`` to know the result."""
    pick = random.Random(f"{layers} {env_files} {values}")
    letters = "abcdefghkmnpqrstuvwxyzABCDEFGHKLMNPQRSTUVWXYZ23456789"
    secrets = ["".join(pick.choices(letters, k=20)) for _ in range(values)]
    rest = iter(enumerate(secrets))
    compose = layers + 2
    in_compose = values // 4
    texts: dict[str, list[str]] = {}
    names = [f"stack{number}.yml" if number else "compose.yml" for number in range(layers)]
    for number, name in enumerate([*names, "base.yml", "part/compose.yml"]):
        service = f"s{number}" if name != "part/compose.yml" else "inner"
        lines = ["services:", f"  {service}:", "    image: example.com/app:1"]
        if number == 1:
            lines += ["    extends:", "      file: base.yml", f"      service: s{layers}"]
        share = range(number, in_compose, compose)
        if share:
            lines.append("    environment:")
            lines += [f"      T{at}_PASSWORD: {value}" for _, (at, value) in zip(share, rest, strict=False)]
        own = [at for at in range(env_files) if at % compose == number]
        if own:
            lines.append("    env_file:")
            lines += [f"      - {at}.env" for at in own]
        texts[name] = lines
    texts[names[0]] += ["include:", "  - part/compose.yml"]
    for at in range(env_files):
        place = "part/" if at % compose == compose - 1 else ""
        texts[f"{place}{at}.env"] = ["# used by one service", f"LEVEL{at}=info"]
    env_names = [name for name in texts if name.endswith(".env")]
    for count, (at, value) in enumerate(rest):
        texts[env_names[count % env_files]].append(f"T{at}_TOKEN={value}")
    before = {name: ("\n".join(lines) + "\n").encode() for name, lines in texts.items()}
    draft = Project(names, before, {}, [value.encode() for value in secrets])
    clean = folder / "clean"
    draft.lay_out(clean)
    outcome = write(clean, draft)
    assert outcome.status() == 0
    project = draft._replace(after=snapshot(clean))
    assert lost_values(clean, project) == []
    assert all(project.after[name] != data for name, data in before.items())
    shutil.rmtree(clean)
    return project


def write(folder: Path, project: Project) -> Outcome:
    """The next run, in this process."""
    files = discover((), [Path(name) for name in project.layers], directory=folder, shell={})
    return batch.run(files, Options(), shell={}, write=True)


def environment() -> dict[str, str]:
    """Of the runs: this very tree, and no bytecode that would be written beside it."""
    same = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**same, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}


# --- where a run can be ended ---


def has_strace() -> bool:
    if shutil.which("strace") is None:
        return False
    probe = ["strace", "-o", os.devnull, "-e", "inject=rmdir:signal=SIGKILL:when=99", "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def steps(folder: Path, project: Project) -> list[Step]:
    """Every call of a whole run that changes the disk, in its order."""
    project.lay_out(folder)
    if not has_strace():
        ended = start(folder, project, [sys.executable, "-c", COUNTING, "0", "", ""]).communicate()
        return [Step("any", number + 1) for number in range(int(ended[1].split()[-1]))]
    log = folder.with_name(f"{folder.name}.strace")
    calls = ",".join(f"?{call}" for call in CALLS)
    traced = ["strace", "-f", "-o", str(log), "-e", f"trace={calls}", sys.executable, "-c", COMMAND]
    assert start(folder, project, traced).wait() == 0
    assert snapshot(folder) == project.after
    found: list[Step] = []
    counts: dict[str, int] = {}
    for match in re.finditer(r"^\d+\s+(\w+)\((.*)", log.read_text("utf-8", "replace"), re.MULTILINE):
        call, words = match.groups()
        counts[call] = counts.get(call, 0) + 1
        if call != "openat" or "O_CREAT" in words:
            found.append(Step(call, counts[call]))
    return found


def start(folder: Path, project: Project, program: Sequence[str], *verb: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*program, *verb, *project.command()],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def end_at(
    folder: Path, project: Project, step: Step, fault: str = "SIGKILL", *verb: str, lasting: bool = False
) -> bytes:
    """Runs ``--write`` (of a ``verb``). Its step ends it (SIGKILL) or fails with an error such as ENOSPC, with
    ``lasting`` all such calls from then on. Returns all that it printed."""
    repeat = "+" if lasting else ""
    if step.call == "any":
        program = [sys.executable, "-c", COUNTING, str(step.number), fault, repeat]
    else:
        kind = "signal" if fault.startswith("SIG") else "error"
        inject = f"inject={step.call}:{kind}={fault}:when={step.number}{repeat}"
        program = ["strace", "-f", "--seccomp-bpf", "-o", os.devnull, "-e", f"trace={step.call}", "-e", inject]
        program += [sys.executable, "-c", COMMAND]
    return b"".join(start(folder, project, program, *verb).communicate())


def end_after(folder: Path, project: Project, seconds: float) -> bytes:
    """Runs ``--write`` and kills it ``seconds`` after it has begun to write."""
    process = start(folder, project, [sys.executable, "-c", COMMAND])
    while process.poll() is None and not (folder / "secrets" / JOURNAL).exists():
        time.sleep(0.001)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    return b"".join(process.communicate())


# --- what has to be true ---


def judge(folder: Path, project: Project) -> Verdict:
    """Looks at what is on disk, then runs ``--write`` again and looks at that."""
    lost = lost_values(folder, project)
    half_written = list(half_written_files(folder, project))
    outcome = write(folder, project)
    unfinished = [error.what for result in outcome.projects for error in result.errors]
    found = snapshot(folder)
    unfinished += sorted(name for name in {*found, *project.after} if found.get(name) != project.after.get(name))
    unfinished += [f"{UNDO} holds {len(rest)} runs" for rest in [_originals(folder)] if len(rest) > 1]
    unfinished += [f"{path.name} is open to others" for path in _open_files(folder)]
    return Verdict(lost, half_written, unfinished)


def judge_undo(folder: Path, project: Project) -> Verdict:
    """The same for an undo that was ended: the next one has to give every byte back."""
    lost = lost_values(folder, project)
    half_written = list(half_written_files(folder, project))
    journal = folder / "secrets"
    boundary = Boundary.around(folder)
    transaction.recover(journal, boundary)
    for run in transaction.runs_of(journal, boundary)[-1:]:
        transaction.undo(transaction.plan_undo(journal, run, boundary))
    found = snapshot(folder)
    unfinished = sorted(name for name in {*found, *project.before} if found.get(name) != project.before.get(name))
    return Verdict(lost, half_written, [*unfinished, *map(str, _originals(folder))])


def lost_values(folder: Path, project: Project) -> list[str]:
    """Values that are neither in their old places nor the whole of a secret file, by their number."""
    files = snapshot(folder)
    old_places = b"\n".join(data for name, data in files.items() if name in project.before)
    kept = {data for name, data in files.items() if re.search(r"(^|/)secrets/[^.][^/]*$", name)}
    return [f"value {at}" for at, value in enumerate(project.values) if value not in kept and value not in old_places]


def half_written_files(folder: Path, project: Project) -> Iterator[str]:
    """Files of the project with bytes that are neither the old nor the new ones."""
    for name, data in snapshot(folder).items():
        is_waiting = re.search(r"(^|/)\.[^/]*\.dsec-\d+$", name)
        if not is_waiting and data not in {project.before.get(name), project.after.get(name)}:
            yield name
    yield from (name for name in project.before if not (folder / name).is_file())


def _originals(folder: Path) -> list[Path]:
    return [path for undo in folder.rglob(UNDO) for path in undo.iterdir() if path.is_dir()]


def _open_files(folder: Path) -> Iterator[Path]:
    """Parts of the journal, and folders that the run made, which others may enter or read."""
    for path in folder.rglob("*"):
        is_ours = {JOURNAL, UNDO} & set(path.relative_to(folder).parts) or path.name == "secrets"
        if is_ours and path.stat().st_mode & 0o077:
            yield path


@contextmanager
def laid_out(folder: Path, project: Project) -> Iterator[Path]:
    """The project as it was, in a folder that goes away."""
    place = folder / "run"
    project.lay_out(place)
    try:
        yield place
    finally:
        shutil.rmtree(place)


__all__ = [
    "Project",
    "Step",
    "Verdict",
    "end_after",
    "end_at",
    "has_strace",
    "judge",
    "judge_undo",
    "laid_out",
    "make_project",
    "steps",
    "write",
]
