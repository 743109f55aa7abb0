"""The files of a run as texts: Compose files parsed, env files beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingType
from pathlib import Path

from dsec_migrate import document as yaml
from dsec_migrate import dotenv
from dsec_migrate.document import Document, Scalar
from dsec_migrate.project.model import EnvFileText, env_file_scalar
from dsec_migrate.source import Source


class Texts:
    """The files of a run, each read once and one object each, so that an edit of it is made once.

    ``overlay`` holds new texts of files (by real path) that are not on disk yet.
    """

    def __init__(self, overlay: MappingType[str, str] | None = None) -> None:
        self._overlay = overlay or {}
        self._sources: dict[str, Source] = {}
        self._documents: dict[str, Document] = {}
        self._env_texts: dict[tuple[str, bool], EnvFileText] = {}
        self._scalars: dict[tuple[str, bool, int], Scalar] = {}

    def source(self, path: Path) -> Source:
        """Raises UserError where it cannot be read."""
        real = os.path.realpath(path)
        source = self._sources.get(real)
        if source is None:
            source = Source.read(path)
            if real in self._overlay:
                source = Source(path, b"", self._overlay[real], source.encoding, source.byte_order_mark)
            self._sources[real] = source
        return source

    def add(self, source: Source) -> None:
        self._sources[os.path.realpath(source.path)] = source

    def document(self, path: Path) -> Document:
        """Raises UserError where it cannot be read or is no YAML."""
        real = os.path.realpath(path)
        if real not in self._documents:
            self._documents[real] = yaml.parse(self.source(path))
        return self._documents[real]

    def env_text(self, path: Path, is_raw: bool) -> EnvFileText:
        """Raises UserError where it cannot be read."""
        key = (os.path.realpath(path), is_raw)
        if key not in self._env_texts:
            self._env_texts[key] = EnvFileText(self.source(path), (), is_raw=is_raw)
        return self._env_texts[key]

    def scalar(self, text: EnvFileText, line: dotenv.Entry) -> Scalar:
        key = (os.path.realpath(text.path), text.is_raw, line.span.start)
        if key not in self._scalars:
            self._scalars[key] = env_file_scalar(line)
        return self._scalars[key]
