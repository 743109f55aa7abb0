"""``--templates``: what a new colleague must fill in, as files without any secret value.

``.env.example`` follows ``.env``: its order, its comments, its line ends. ``README.md`` in the folder of the secrets
describes each file. Files written by someone else are only appended to, or not changed.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from dsec_migrate.compose import dotenv
from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.judge import secret_parts
from dsec_migrate.detectors.placeholder import is_telling
from dsec_migrate.detectors.value_shapes import is_path, is_url, looks_random
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.secret import Secret

MARKER = "<!-- Written by dsec-migrate --templates. Without this line it is left alone. -->"
TEXT_MODE = 0o644

_ASSIGNMENT = re.compile(r"(#+[ \t]*(?:export[ \t]+)?[A-Za-z_][\w.-]*[ \t]*=).*")
_NAME_SET = re.compile(r"(?m)^\ufeff?[ \t]*(?:export[ \t]+)?([^\s=:#]+)[ \t]*(?:[=:]|\r?$)")
_NAME_IN_COMMENT = re.compile(r"(?m)^\ufeff?[ \t]*#[ \t#]*(?:export[ \t]+)?([^\s=:#]+)[ \t]*=")
_SHORTEST_RANDOM_WORD = 8


@dataclass(frozen=True)
class Described:
    """One secret of the project: ``file`` is its path as the Compose file has it, ``mode`` an octal permission as an
    int, ``variable`` the name of an ``environment:`` source. ``meaning`` says in one line what it is."""

    name: str
    source: SourceKind
    file: str = ""
    mode: int = 0o444
    variable: str = ""
    services: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    meaning: str = ""


@dataclass(frozen=True)
class ReadVariable:
    """A variable that the project reads from ``.env`` or the shell. ``is_harmless``: its value may be shown."""

    name: str
    is_harmless: bool = False
    meaning: str = ""


@dataclass(frozen=True, repr=False)
class EnvText:
    """The text of ``.env`` and its entries (``dotenv.parse``). ``values`` of secrets are searched for in its comments,
    besides those in the file."""

    text: str = field(default="", repr=False)
    entries: tuple[dotenv.Entry, ...] = ()
    values: tuple[Secret, ...] = ()


@dataclass(frozen=True)
class TextFile:
    """A file to write, in UTF-8 with mode 0644; it contains no value.

    ``append`` adds to a file (or creates it); ``replaces``: the existing file was written by dsec-migrate. With neither
    it is new.
    """

    path: Path
    text: str
    append: bool = False
    replaces: bool = False


def text_files(
    directory: Path,
    folder: Path,
    secrets: Sequence[Described],
    variables: Sequence[ReadVariable],
    env: EnvText,
    read: Callable[[Path], bytes | None],
    *,
    is_by_service: bool = False,
) -> list[TextFile]:
    """What ``--templates`` writes for one project, in the order of writing.

    ``directory`` is the project's, ``folder`` that of the secrets, both absolute. ``read`` returns the content of an
    existing or planned file (``Disk.read``), None if there is none. An empty text writes no file. ``is_by_service``:
    the folder contains one for each service, and the project defines no secrets.
    """
    is_inside = folder != directory and folder.is_relative_to(directory)
    place = folder.relative_to(directory).as_posix() if is_inside else folder.as_posix()
    files = []
    example = directory / ".env.example"
    present = read(example)
    if present is None:
        text = env_example(env, variables, place if secrets else "")
    else:
        text = missing_in_example(present.decode("utf-8", "replace"), env, variables)
    if text:
        files.append(TextFile(example, text, append=present is not None))
    if not secrets:
        return files
    readme = folder / "README.md"
    old = read(readme)
    new = secrets_readme(secrets, place, is_by_service=is_by_service)
    is_ours = old is not None and MARKER.encode() in old
    if old is None or (is_ours and old != new.encode()):
        files.append(TextFile(readme, new, replaces=is_ours))
    return files


# --- .env.example ---


def env_example(env: EnvText, variables: Sequence[ReadVariable], folder: str = "") -> str:
    """A whole ``.env.example``: ``variables`` in the order of ``.env``, then those that are not in it.

    Values are kept only if the variable is harmless and nothing in them looks like a secret. Comments without a value
    are kept; of a setting in a comment (``# X=1``) only the name. ``folder``: where the secrets are.
    """
    lines = _lines(env, variables, with_headings=True)
    if lines and folder:
        lines += ["", f"# Secrets are not set here, each is a file: see {folder}/README.md"]
    newline = _newline(env.text)
    return "".join(line + newline for line in lines)


def missing_in_example(present: str, env: EnvText, variables: Iterable[ReadVariable]) -> str:
    """What an existing ``.env.example`` lacks: text to append, empty if nothing is missing.

    A name in a comment (``# X=``) is not missing.
    """
    known = {match[1] for pattern in (_NAME_SET, _NAME_IN_COMMENT) for match in pattern.finditer(present)}
    lines = _lines(env, [variable for variable in variables if variable.name not in known], with_headings=False)
    if not lines:
        return ""
    newline = _newline(present or env.text)
    start = newline if present and not present.endswith("\n") else ""
    return start + "".join(line + newline for line in lines)


def _lines(env: EnvText, variables: Sequence[ReadVariable], *, with_headings: bool) -> list[str]:
    wanted = {variable.name: variable for variable in variables}
    shown = {name for name, variable in wanted.items() if variable.is_harmless}
    hidden = set(_hidden(env, shown))
    # the last of several lines with one name wins
    last = {entry.name: entry for entry in env.entries}
    result: list[str] = []
    heading: list[str] = []
    for comments in _commented(env):
        if comments.apart:
            heading = [*comments.apart, ""]
        variable = wanted.pop(comments.entry.name, None)
        if variable is None:
            continue
        if with_headings and heading:
            result += ["", *_clean(heading, hidden)] if result else _clean(heading, hidden)
        elif with_headings and comments.is_behind_blank and result:
            result.append("")
        heading = []
        own = list(_clean(comments.above, hidden)) or ([f"# {variable.meaning}"] if variable.meaning else [])
        result += [*own, *_assignment(env, last[variable.name], variable, comments.behind, hidden)]
    for variable in wanted.values():
        result += [f"# {variable.meaning}"] if variable.meaning else []
        result.append(f"{variable.name}=")
    if with_headings and result and (tail := [*_clean(_tail(env), hidden)]):
        result += ["", *tail]
    return _without_double_blanks(result)


def _hidden(env: EnvText, shown: Collection[str]) -> Iterator[str]:
    """The values that no comment may reveal, resolved and as written."""
    for entry in env.entries:
        if entry.value and entry.name not in shown:
            marks = len(entry.quote)
            written = env.text[entry.value_span.start + marks : entry.value_span.end - marks]
            yield from filter(is_telling, (entry.value, written))
    yield from filter(is_telling, (value.reveal() for value in env.values))


def _without_double_blanks(lines: Sequence[str]) -> list[str]:
    """No blank lines at the start and the end either."""
    result: list[str] = []
    for line in lines:
        if line or (result and result[-1]):
            result.append(line)
    while result and not result[-1]:
        result.pop()
    return result


@dataclass(frozen=True, repr=False)
class _Commented:
    """An entry and the comments around it: ``apart`` are above a blank line, ``behind`` on the entry's own line."""

    entry: dotenv.Entry
    apart: list[str]
    above: list[str]
    behind: str
    is_behind_blank: bool


def _commented(env: EnvText) -> Iterator[_Commented]:
    """The entries in order, each with its comments, stripped."""
    position = 0
    for number, entry in enumerate(env.entries):
        lead = env.text[position : entry.span.start].lstrip("\ufeff").split("\n")
        # the rest of the line before belongs to the entry there
        lines = [line.strip() for line in (lead[1:] if number else lead)]
        if lines and not lines[-1]:
            # what precedes the entry on its own line
            lines.pop()
        blank = max((index for index, line in enumerate(lines) if not line), default=-1)
        apart = lines[: blank + 1]
        while apart and not apart[-1]:
            apart.pop()
        while apart and not apart[0]:
            del apart[0]
        position = entry.span.end
        line_end = env.text.find("\n", position)
        rest = env.text[position : len(env.text) if line_end < 0 else line_end].strip()
        yield _Commented(entry, apart, lines[blank + 1 :], rest if rest.startswith("#") else "", blank >= 0)


def _tail(env: EnvText) -> list[str]:
    """The lines after the last entry, stripped."""
    end = env.entries[-1].span.end if env.entries else 0
    lines = env.text[end:].lstrip("\ufeff").split("\n")
    return [line.strip() for line in (lines[1:] if env.entries else lines)]


def _assignment(
    env: EnvText, entry: dotenv.Entry, variable: ReadVariable, comment: str, hidden: Collection[str]
) -> Iterator[str]:
    head = env.text[entry.span.start : entry.name_span.end]
    written = env.text[entry.span.start : entry.span.end]
    comments = list(_clean([comment] if comment else [], hidden))
    texts = [written, f"{entry.name}={entry.value or ''}"]
    start, end = entry.value_span
    if entry.value is None:
        yield written
    elif variable.is_harmless and start < end and not any(secret_parts(t) or _holds(t, hidden) for t in texts):
        yield " ".join([written, *comments])
    else:
        # after an empty value a comment would be the value
        yield from comments
        yield f"{head}="


def _clean(lines: Iterable[str], hidden: Collection[str]) -> Iterator[str]:
    """The comment ``lines`` without those that reveal a value."""
    for line in lines:
        setting = _ASSIGNMENT.fullmatch(line)
        if setting:
            yield setting[1]
        elif not (secret_parts(line) or _holds(line, hidden) or any(map(_is_random, line.split()))):
            yield line


def _holds(text: str, hidden: Collection[str]) -> bool:
    return any(value in text for value in hidden)


def _is_random(word: str) -> bool:
    word = word.strip("\"'`()[]<>,.;:!?")
    if len(word) < _SHORTEST_RANDOM_WORD or is_url(word) or is_path(word):
        return False
    return looks_random(word)


# --- the secrets folder ---


def secrets_readme(secrets: Sequence[Described], folder: str, *, is_by_service: bool = False) -> str:
    """``README.md`` of the secrets folder: what each secret is, who reads it, and how to create its file. If each
    service has a folder (``is_by_service``), a ``file`` is relative to ``folder``, and `fill` supports none."""
    on_disk = [secret for secret in secrets if secret.source is not SourceKind.ENVIRONMENT]
    from_environment = [secret for secret in secrets if secret.source is SourceKind.ENVIRONMENT]
    file = PurePosixPath(on_disk[0].file) if on_disk else PurePosixPath()
    path = f"{folder}/{file if is_by_service else file.name}"
    first = shlex.quote(path)
    make = f"mkdir -p -m 700 {shlex.quote(folder)}"
    if is_by_service and on_disk:
        own = "700" if on_disk[0].mode == 0o600 else "755"
        make += f" && mkdir -p -m {own} {shlex.quote(posixpath.dirname(path))}"
    by_hand = "By hand:"
    if not is_by_service:
        by_hand = f"`dsec-migrate fill --write` asks for each value that is missing and writes the file. {by_hand}"
    lines = [MARKER, "", "# Secrets", ""]
    if on_disk:
        lines += [
            "Each file holds exactly one value: its bytes and nothing else, no line break at the end. The files stay",
            "on this host: git ignores them.",
            "",
            *_table(("file", "what it is", "read by", "mode"), map(_file_row, on_disk)),
            "",
            by_hand,
            "",
            "```sh",
            "# in the folder of the project; type or paste the value, which bash and zsh do not show",
            make,
            "IFS= read -rs value",
            f'printf %s "$value" > {first}',
            f"chmod {on_disk[0].mode:04o} {first}",
            "```",
            "",
            "A new random value, where no other system knows the old one:",
            "",
            "```sh",
            f"openssl rand -hex 32 | tr -d '\\n' > {first}",
            f"chmod {on_disk[0].mode:04o} {first}",
            "```",
        ]
        if not is_by_service:
            lines += ["", "`dsec-migrate status` tells what is missing, empty, or not readable for its program."]
    external = [secret for secret in on_disk if secret.source is SourceKind.EXTERNAL]
    if external:
        names = ", ".join(f"`{secret.name}`" for secret in external)
        lines += ["", f"Swarm holds {names}; `create-secrets.sh` here feeds the files to it. Delete them afterwards."]
    if from_environment:
        lines += ["", "## From the environment", "", "These are variables of the shell or of `.env`, no files:", ""]
        lines += _table(("variable", "what it is", "read by"), map(_variable_row, from_environment))
    return "\n".join([*lines, ""])


def _file_row(secret: Described) -> tuple[str, ...]:
    return f"`{secret.file}`", _meaning(secret), _readers(secret), f"{secret.mode:04o}"


def _variable_row(secret: Described) -> tuple[str, ...]:
    return f"`{secret.variable}`", _meaning(secret), _readers(secret)


def _meaning(secret: Described) -> str:
    return secret.meaning or " and ".join(f"`{name}`" for name in secret.variables)


def _readers(secret: Described) -> str:
    variables = ", ".join(f"`{name}_FILE`" for name in secret.variables) if secret.meaning else ""
    services = ", ".join(secret.services)
    return f"{services} ({variables})" if variables else services


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
