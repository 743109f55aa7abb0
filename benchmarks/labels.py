"""How well secrets are told from other values: recall and precision on labeled variables, in all and by detector.

    python benchmarks/labels.py CORPUS [--write] [--every N]

CORPUS is a folder with manifest.json and labels*.jsonl: lines with ``file_id``, ``service``, ``var`` and ``label``
(``secret`` or ``not_secret``). A variable counts as found when a run reports it as certain or likely. The detector that
decided is credited, so its row is its measured effect. With ``--write`` labels.toml, beside this file, keeps the
figures. Exit status 1 when recall or precision is below its target.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measuring import Table

from dsec_migrate import api
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.all_detectors import EVERY
from dsec_migrate.detectors.finding import Confidence

RECORD = Path(__file__).with_name("labels.toml")
MISSED, FALSE = 2, 2
"""Percent, at most."""

Variable = tuple[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description="Recall and precision on labeled variables.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--write", action="store_true", help="keep the figures in labels.toml")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth file")
    arguments = parser.parse_args()
    labels = _labels(arguments.corpus)
    entries = [
        one for one in json.loads((arguments.corpus / "manifest.json").read_text("utf-8")) if one["id"] in labels
    ]
    chosen = entries[:: arguments.every]
    right: Counter[str] = Counter()
    false: Counter[str] = Counter()
    missed = 0
    for entry in chosen:
        decided = _found(arguments.corpus, entry)
        for variable, is_secret in labels[entry["id"]].items():
            detector = decided.get(variable)
            if detector is not None:
                (right if is_secret else false)[detector] += 1
                if not is_secret:
                    _tell("not a secret", entry["id"], variable, detector)
            elif is_secret:
                missed += 1
                _tell("missed", entry["id"], variable, "")
    table = Table(f"labeled variables of {len(chosen)} files", "", "secrets", "others")
    for one in EVERY:
        table.row(one.NAME, str(right[one.NAME]), str(false[one.NAME]))
    table.row("missed", str(missed), "")
    found, reported = sum(right.values()), sum(right.values()) + sum(false.values())
    recall, precision = found / max(1, found + missed), found / max(1, reported)
    table.row("recall, precision", f"{recall:.3f}", f"{precision:.3f}")
    table.target("secrets missed", 100 * (1 - recall), MISSED, " %")
    table.target("reported, but not secrets", 100 * (1 - precision), FALSE, " %")
    if arguments.write:
        rows = (f'"{one.NAME}" = {{ secrets = {right[one.NAME]}, others = {false[one.NAME]} }}\n' for one in EVERY)
        RECORD.write_text(
            "# What each detector decides among the labeled variables of a corpus. Written by labels.py --write.\n"
            f"recall = {recall:.3f}\nprecision = {precision:.3f}\n\n[detectors]\n{''.join(rows)}",
            "utf-8",
        )
    return table.finish()


def _labels(corpus: Path) -> Mapping[str, Mapping[Variable, bool]]:
    """Whether each labeled variable is a secret, by file; of two labels the later file's counts, which was judged by
    reading."""
    found: dict[str, dict[Variable, bool]] = {}
    for name in ("labels.jsonl", "labels_adjudicated.jsonl", "labels_hand.jsonl"):
        for line in (corpus / name).read_text("utf-8").splitlines():
            row = json.loads(line)
            if not row.get("noise") and row["label"] in {"secret", "not_secret"}:
                found.setdefault(row["file_id"], {})[row["service"], row["var"]] = row["label"] == "secret"
    return found


def _found(corpus: Path, entry: Mapping[str, Any]) -> Mapping[Variable, str]:
    """The detector that decided on each variable that a run reports as certain or likely."""
    with tempfile.TemporaryDirectory() as folder:
        for one in ({"path": entry["path"], "file": entry["file"]}, *entry["sidecars"]):
            target = Path(folder, one["path"])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(corpus / one["file"], target)
        outcome = api.plan([Path(folder, entry["path"])], options=Options(docker=False), environment={})
    return {
        (finding.service, finding.variable): finding.verdict.detector
        for project in outcome.projects
        for finding in project.findings
        if finding.kind == "plaintext" and finding.verdict.confidence is not Confidence.POSSIBLE
    }


def _tell(word: str, file: str, variable: Variable, detector: str) -> None:
    sys.stdout.write(f"{word}: {file}: {'.'.join(variable)}{f' ({detector})' if detector else ''}\n")


if __name__ == "__main__":
    sys.exit(main())
