"""Sets of projects side by side, migrated and undone, with the real ``docker compose config`` as the judge.

    benchmarks/sets.py [--sets 2000] [--first 0] [--jobs 2] [--out RESULTS] [--keep FOLDER]

Every project of a set, whether the call names it or not, is loaded before and after each call: nothing may stop
loading, and no container may lose a value or get another one; the command that a run prints takes that run back, and
nothing else, byte for byte. With ``--out`` each set's
result is a line of that file, and sets that stand there already are not run again. ``--keep`` leaves the sets that
fail in a folder, each as it was before, with the calls in ``calls.txt``. Exit status 1 where something failed, or a set
was none.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "benchmarks")]

import set_judge  # noqa: E402
import set_maker  # noqa: E402

BOOKKEEPING = {".journal", ".undo"}


def snapshot(top: Path) -> dict[str, bytes | str]:
    """Every file below ``top``, but for git's and what runs remember; links as what they say."""
    found: dict[str, bytes | str] = {}
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name not in {".git", *BOOKKEEPING}]
        for name in names:
            path = Path(folder, name)
            found[str(path.relative_to(top))] = str(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found


def migrate(folder: Path, words: list[str]) -> tuple[int, str]:
    """A call of the command line in this process: exit status and output."""
    from dsec_migrate.cli import entry

    text = io.TextIOWrapper(io.BytesIO(), "utf-8")
    before = Path.cwd()
    os.chdir(folder)
    os.environ["PWD"] = str(folder)
    try:
        with redirect_stdout(text), redirect_stderr(text):
            status = entry._status(words)
    finally:
        os.chdir(before)
    text.flush()
    text.seek(0)
    return status, text.read()


def run(seed: int) -> dict[str, object]:
    """Lays out one set, migrates it and takes that back: what failed, and what happened."""
    made = set_maker.make(seed)
    with tempfile.TemporaryDirectory(prefix="set-") as folder:
        top = Path(folder).resolve() / "set"
        top.mkdir()
        set_judge.make_stubs(top.parent / "stubs")
        judge = set_judge.Judge(top.parent / "stubs")
        made.lay_out(top)
        if made.has_git:
            subprocess.run(["git", "init", "-q", "--template=", str(top)], check=True, capture_output=True)
        result: dict[str, object] = {"seed": seed}
        configs = {p.name: set_judge.load(top / p.folder, p.files) for p in made.projects}
        refused = {name: why for name, (config, why) in configs.items() if config is None}
        if refused:
            return {**result, "unusable": refused}
        failures = list(_failures(made, top, judge, configs, result))
        return {**result, "failures": failures}


def _failures(
    made: set_maker.Set,
    top: Path,
    judge: set_judge.Judge,
    configs: dict[str, tuple[set_judge.Config | None, str]],
    result: dict[str, object],
) -> Iterator[str]:
    original = snapshot(top)
    done: list[tuple[set_maker.Call, list[str], dict[str, bytes | str]]] = []
    if made.seed % 4 == 0:
        for call in made.calls:
            migrate(top / call.folder, [*call.words, *made.options, "--no-docker"])
        if snapshot(top) != original:
            yield "a dry run writes"
    for call in made.calls:
        earlier = snapshot(top)
        words = [*call.words, *made.options, "--no-docker", "--write"]
        status, output = migrate(top / call.folder, words)
        if status:
            lines = [line for line in output.splitlines() if line.startswith("error")] or output.splitlines()[-3:]
            yield f"exit status {status}: {' / '.join(lines)[:300]}"
        for value in made.secrets:
            if len(value) >= 8 and value in output:
                yield "a value is shown"
                break
        now = snapshot(top)
        if now == earlier:
            continue
        done.append((call, _undo_as_told(output), earlier))
        for project in made.projects:
            old, _ = configs[project.name]
            config, why = set_judge.load(top / project.folder, project.files)
            if config is None:
                yield f"{project.name} does not load any more: {why[-200:]}"
            else:
                assert old is not None
                yield from (f"{project.name}: {what}" for what in judge.compare(old, config))
        if made.seed % 4 == 1:
            # what a project left because another one read it may be free now
            while True:
                again, (_, output) = snapshot(top), migrate(top / call.folder, words)
                if snapshot(top) == again:
                    break
                done.append((call, _undo_as_told(output), again))
                if len(done) > 3 * len(made.projects):
                    yield "each run writes again"
                    break
    result["written"] = len(done)
    result["moved"] = sum(text != original.get(name) for name, text in snapshot(top).items() if name in original)
    for call, words, former in reversed(done):
        if not words:
            yield "a run does not print its undo command"
            return
        status, output = migrate(top / call.folder, words)
        if status:
            yield f"undo ends with {status}: {output.splitlines()[-1][:200]}"
        after = snapshot(top)
        if after != former:
            changed = sorted(name for name in after.keys() | former.keys() if after.get(name) != former.get(name))
            yield f"{' '.join(words)} leaves {', '.join(changed[:6])}"
            return


def _undo_as_told(output: str) -> list[str]:
    """The words of the undo command that a run prints."""
    told = re.search(r"To undo, run `dsec-migrate (undo[^`]*)`", " ".join(output.split()))
    return shlex.split(told[1]) if told else []


def _keep(seed: int, folder: Path) -> None:
    made = set_maker.make(seed)
    place = folder / str(seed)
    shutil.rmtree(place, ignore_errors=True)
    made.lay_out(place)
    lines = [
        f"(cd {call.folder} && dsec-migrate {' '.join((*call.words, *made.options))} --no-docker --write)"
        for call in made.calls
    ]
    (place / "calls.txt").write_text("\n".join(["git init -q ."] * made.has_git + lines) + "\n")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", type=int, default=2000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--out", type=Path)
    options.add_argument("--keep", type=Path)
    said = options.parse_args()
    if not Path(set_judge.COMPOSE).exists():
        sys.stdout.write("skipped: there is no Docker Compose here\n")
        return 0
    known: dict[int, dict[str, object]] = {}
    if said.out is not None and said.out.exists():
        known = {one["seed"]: one for line in said.out.read_text().splitlines() if (one := json.loads(line))}
    seeds = range(said.first, said.first + said.sets)
    waiting = [seed for seed in seeds if seed not in known]
    start = time.monotonic()
    with ProcessPoolExecutor(said.jobs) as pool:
        for result in pool.map(run, waiting, chunksize=4):
            known[int(str(result["seed"]))] = result
            if said.out is not None:
                with said.out.open("a") as file:
                    file.write(json.dumps(result) + "\n")
    found = [known[seed] for seed in seeds]
    failed = [one for one in found if one.get("failures")]
    unusable = [one for one in found if "unusable" in one]
    for one in unusable:
        sys.stdout.write(f"set {one['seed']}: Compose does not load it: {one['unusable']}\n")
    for one in failed:
        for what in one["failures"]:  # type: ignore[attr-defined]
            sys.stdout.write(f"set {one['seed']}: {what}\n")
        if said.keep is not None:
            _keep(int(str(one["seed"])), said.keep)
    counts = Counter("unusable" if "unusable" in one else "failed" if one["failures"] else "held" for one in found)
    written = sum(bool(one.get("written")) for one in found)
    seconds = time.monotonic() - start
    figures = ", ".join(f"{counts[kind]} {kind}" for kind in ("held", "failed", "unusable"))
    sys.stdout.write(f"{len(found)} sets, {written} written; {figures} ({seconds:.0f} s)\n")
    return 1 if failed or unusable else 0


if __name__ == "__main__":
    sys.exit(main())
