"""The files of a run, each read once."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from pathlib import Path

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose import dotenv
from dsec_migrate.compose.document import Document, Scalar
from dsec_migrate.compose.project.file_texts import EnvFileText
from dsec_migrate.compose.project.model import env_file_scalar
from dsec_migrate.text.source import Source, real_path


class Texts:
    """The files of a run, each read once and one object each, so that an edit of it is made once.

    ``overlay`` holds new texts of files (by real path) that are not on disk yet.
    """

    def __init__(self, overlay: MappingType[str, str] | None = None) -> None:
        self._overlay = overlay or {}
        self._named: dict[Path, Source] = {}
        self._sources: dict[str, Source] = {}
        self._documents: dict[str, Document] = {}
        self._env_texts: dict[tuple[str, bool], EnvFileText] = {}
        self._scalars: dict[tuple[str, bool, int], Scalar] = {}

    def source(self, path: Path, *, is_env_file: bool = False) -> Source:
        """Raises UserError where it cannot be read."""
        known = self._named.get(path)
        if known is not None:
            return known
        real = real_path(path)
        if real in self._overlay and not path.exists():
            # a text that exists only in memory
            source = Source(path, b"", self._overlay[real])
        else:
            source = self._sources.get(real) or Source.read(path, is_env_file=is_env_file)
        if source.real_path in self._overlay:
            source = source.with_text(self._overlay[source.real_path])
        self._named[path] = self._sources.setdefault(source.real_path, source)
        return self._named[path]

    def add(self, source: Source) -> None:
        self._named[source.path] = self._sources[source.real_path] = source

    def document(self, path: Path) -> Document:
        """Raises UserError where it cannot be read or is not YAML."""
        source = self.source(path)
        if source.real_path not in self._documents:
            self._documents[source.real_path] = yaml.parse(source)
        return self._documents[source.real_path]

    def env_text(self, path: Path, is_raw: bool) -> EnvFileText:
        """Raises UserError where it cannot be read."""
        source = self.source(path, is_env_file=True)
        key = (source.real_path, is_raw)
        if key not in self._env_texts:
            self._env_texts[key] = EnvFileText(source, (), is_raw=is_raw)
        return self._env_texts[key]

    def scalar(self, text: EnvFileText, line: dotenv.Entry) -> Scalar:
        key = (text.source.real_path, text.is_raw, line.span.start)
        if key not in self._scalars:
            self._scalars[key] = env_file_scalar(line)
        return self._scalars[key]
