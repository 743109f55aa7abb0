"""Loads a project from the files of a command, with its environment, settings and boundary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dsec_migrate.compose import environment
from dsec_migrate.compose import project as projects
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.interpolation import interpolated
from dsec_migrate.compose.project import Project
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.config import project_file
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.resolvers import statement_in
from dsec_migrate.migrate.surroundings import Surroundings
from dsec_migrate.planning import bare_dockerfile
from dsec_migrate.text.boundary import Boundary
from dsec_migrate.text.records import replace


def load(files: ProjectFiles, options: Options, shell: Mapping[str, str], folders: Folders | None = None) -> Project:
    """Reads the files and the environment that their ``${…}`` see."""
    env_files = files.env_files or options.env_files
    known = environment.load(files.directory, shell, env_files, files.first_dotenv)
    if len(files.paths) == 1 and bare_dockerfile.is_dockerfile(files.paths[0]):
        loaded = bare_dockerfile.load(files.paths[0], known, folders, files.directory)
    else:
        loaded = projects.load(files.paths, known, folders, directory=files.directory)
    said = settings_of(files, options)
    boundary = Boundary.around(
        files.folder, (*files.named, *options.allow), interpolated(options.secrets_dir or "", shell)
    )
    return replace(loaded.within(boundary, dict(_templates(loaded))), images=said.images, exceptions=said.heeded)


def settings_of(files: ProjectFiles, options: Options) -> project_file.Settings:
    return project_file.read(files.directory, options.settings, excepts=options.exceptions)


def surroundings_of(call: Sequence[ProjectFiles], options: Options, shell: Mapping[str, str]) -> Surroundings:
    return Surroundings(call, lambda files: load(files, options, shell))


def _templates(root: Project) -> Iterator[tuple[str, str]]:
    """Files that a template engine processes: the final result of an edit is unknown."""
    for text in (text for unit in root.units() for text in unit.compose_texts):
        at = statement_in(text.source.text)
        if at is not None:
            line, _ = text.source.locate(at)
            yield (
                text.source.real_path,
                f"a template statement (line {line}) controls the content of the file: move it by hand",
            )
