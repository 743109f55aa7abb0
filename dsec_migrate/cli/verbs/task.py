"""What verbs have in common: the options that name projects, the projects they process, and the exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.cli.parameters import Call, arguments, existing_folder, option, repeated, switch
from dsec_migrate.compose.discovery.discover import discover
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.lifecycle.secret_values import masks
from dsec_migrate.migrate.load import load
from dsec_migrate.planning.ignore_lines import seen_by_git
from dsec_migrate.reports.hiding import hider
from dsec_migrate.reports.output import complain, say
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.terminal import style_for, width
from dsec_migrate.text.errors import UserError, told
from dsec_migrate.text.records import dataclass, field

FILES = arguments(
    "[FILE]...",
    Path,
    "Compose files, each its own project, or folders. Default: what `docker compose` would use here.",
)
LAYERS = repeated("-f, --file", "FILE", Path, "As in docker compose: files of one project.")
ENV_FILES = repeated("--env-file", "FILE", Path, "Read this file instead of .env.")
SECRETS_DIR = option("--secrets-dir", "DIR", str, "Folder of the secret files.  [default: ./secrets]")
ALLOW = repeated(
    "--allow", "DIR", partial(existing_folder, "--allow"), "A folder outside the project that this command may change."
)
WRITE = switch("--write", "Make the changes. Without it, nothing is changed.")


class ProjectCall(Call):
    """A command that processes projects. A verb lists which of these options it takes, in the order of its help."""

    files: Sequence[Path] = ()
    layers: Sequence[Path] = ()
    project_directory: Path | None = None
    env_files: Sequence[Path] = ()
    secrets_dir: str | None = None
    settings: Path | None = None
    exceptions: bool = True
    allow: Sequence[Path] = ()
    write: bool = False

    def projects(self) -> Sequence[ProjectFiles]:
        """Raises UserError where there are none."""
        return discover(
            self.files,
            self.layers,
            shell=os.environ,
            project_directory=self.project_directory,
            env_files=self.env_files,
        )

    def project_options(self) -> Options:
        """What is said of projects, and no more: other options of a verb may share a name with those of migrating."""
        shared = ProjectCall.__annotations__.keys() & Options.__annotations__.keys()
        return Options(**{name: getattr(self, name) for name in shared})


@dataclass(frozen=True, repr=False, eq=False)
class Task:
    """What a verb works on. ``shell`` are the variables that ``${…}`` sees before any file. Without ``write``, nothing
    is changed."""

    projects: Sequence[ProjectFiles]
    options: Options
    shell: Mapping[str, str] = field(repr=False)
    page: Page
    write: bool = False

    @classmethod
    def of(cls, call: ProjectCall) -> Task:
        """Raises UserError for files that do not exist."""
        return cls(call.projects(), call.project_options(), dict(os.environ), page_here(), call.write)


class Result(NamedTuple):
    """``errors`` are those of single projects; the others were processed. ``is_refused``: a check found something to
    do."""

    page: Page
    errors: Sequence[UserError] = ()
    is_refused: bool = False

    def tell(self) -> int:
        """Prints the result; returns the exit status."""
        for error in self.errors:
            complain(error, sys.stderr, style_for(sys.stderr, os.environ))
        say(str(self.page), sys.stdout)
        return max((error.exit_status for error in self.errors), default=int(self.is_refused))


def page_here() -> Page:
    """A page as wide as the terminal, in its colours."""
    return Page(style_for(sys.stdout, os.environ), width())


def each(task: Task, perform: Callable[[Project], None]) -> Result:
    """Calls ``perform`` with each project and those that it includes. An error without a location gets the
    project's."""
    errors: list[UserError] = []
    for files in task.projects:
        try:
            root = load(files, task.options, task.shell)
            task.page.hide = hider(masks(root, task.options))
            for unit in root.units():
                perform(unit)
        except Exception as error:
            errors.append(told(error, files.name))
    return Result(task.page, errors)


def tell_git(page: Page, paths: Sequence[Path]) -> None:
    """Warns, after values were written to files, where git would add one of them."""
    for sentence in seen_by_git(paths) if paths else ():
        page.sentence(sentence, indent="         ", first="warning: ", paint=page.style.bold)
