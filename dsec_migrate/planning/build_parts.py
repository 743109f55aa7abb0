"""Secrets in a Dockerfile itself: words of a RUN, lines of ENV, and files that COPY adds to the image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import count
from pathlib import Path

from dsec_migrate.compose import dotenv
from dsec_migrate.compose.document import Scalar
from dsec_migrate.compose.project import BuildFile, BuildPart, DockerfileText
from dsec_migrate.detectors.command_line import find, noun
from dsec_migrate.detectors.finding import Candidate, Confidence, Exposure, Verdict
from dsec_migrate.detectors.judge import judge
from dsec_migrate.dockerfile import Instruction, declared, stages, unquoted, words
from dsec_migrate.text import limits
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Span, read_bytes

_CREDENTIALS = Pattern(
    r"\.npmrc|\.yarnrc|\.netrc|\.pypirc|\.git-credentials|\.pgpass|\.my\.cnf|credentials(?:\.json)?"
    r"|auth\.(?:json|conf)|settings\.xml|id_(?:rsa|dsa|ecdsa|ed25519)|service[-_]?account[\w-]*\.json|\.env(?:\.(?!example|sample|template)\w+)?"
    r"|[\w.-]+\.(?:pem|key|p12|pfx|jks)"
)
# what such a file contains if it holds a credential; the other files hold nothing else
_TELLING = {
    ".npmrc": Pattern(r"(?i)_auth|_password"),
    ".yarnrc": Pattern(r"(?i)auth|password"),
    "auth.conf": Pattern(r"(?i)password"),
    "settings.xml": Pattern(r"(?i)<password>|<privateKey>"),
    ".pypirc": Pattern(r"(?i)password"),
}
_PRIVATE = Pattern(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_IN_ENV = "an ENV instruction, which stays in the image"
_COPIED = "a file with credentials that the build copies into the image"

Found = tuple[BuildPart, Verdict]


@lru_cache(maxsize=64)
def parts(dockerfile: DockerfileText) -> tuple[Found, ...]:
    """Words of RUN and values of ENV, in order. One declaration each, shared by all builds."""
    taken: set[str] = set()
    found: list[Found] = []
    for declaration, verdict in _parts(dockerfile):
        if len(found) >= limits.SERVICE_ARGUMENTS:
            what = f"the Dockerfile holds more than {limits.SERVICE_ARGUMENTS} secrets"
            raise dockerfile.error(what, declaration.start, help="no build needs so many")
        name = _variable(declaration.name, dockerfile.source.text, taken)
        taken.add(name)
        found.append((replace(declaration, variable=name), verdict))
    return tuple(found)


def _variable(label: str, text: str, taken: Collection[str]) -> str:
    """A name that the Dockerfile does not use yet."""
    name = re.sub(r"\W+", "_", label.strip("-./")).upper() or "TOKEN"
    name = f"SECRET_{name}" if name[0].isdigit() else name
    names = (name if number == 1 else f"{name}_{number}" for number in count(1))
    return next(each for each in names if each not in taken and re.search(rf"\b{each}\b", text) is None)


def _parts(dockerfile: DockerfileText) -> Iterator[Found]:
    escape = dockerfile.content.escape
    for instruction in dockerfile.content.instructions:
        owner = instruction.trigger or instruction
        for each in declared(instruction, escape) if instruction.keyword == "ENV" else ():
            value = unquoted(each.text, escape) if each.text else None
            verdict = judge(Candidate("", each.name, value.replace("$", "$$"), value)) if value else None
            if verdict is not None and verdict.exposure in {Exposure.LITERAL, Exposure.EMBEDDED}:
                told = Verdict(verdict.confidence, verdict.exposure, _IN_ENV, verdict.detector, verdict.parts)
                yield _declaration(dockerfile, instruction, each.name, each.value, value or ""), told
        if owner.keyword == "RUN":
            yield from _of_run(dockerfile, owner)


def _of_run(dockerfile: DockerfileText, run: Instruction) -> Iterator[Found]:
    words_of_list = run.words()
    if words_of_list is not None:
        # exec form, no shell: report one, change none
        found = find(" ".join(words_of_list))[:1]
        places = [(one, Span(0, len(run.text))) for one in found]
    else:
        places = [(one, Span(one.start, one.end)) for one in find(run.text)]
    for one, part in places:
        text = run.text[slice(*part)]
        if words_of_list is not None or not set("$`") & set(text):
            whole = ((0, len(text)),)
            yield (
                _declaration(dockerfile, run, noun(one.label), part, text),
                Verdict(one.confidence, Exposure.LITERAL, one.why, "command option", whole),
            )


def _declaration(dockerfile: DockerfileText, instruction: Instruction, name: str, part: Span, text: str) -> BuildPart:
    return BuildPart(
        dockerfile,
        name,
        text.replace("$", "$$"),
        _node(dockerfile, instruction, part),
        None,
        instruction=instruction,
        part=part,
    )


def _node(dockerfile: DockerfileText, instruction: Instruction, part: Span) -> Scalar:
    place = instruction.place(*part)
    return Scalar(place.start, place.end, place.start, None, None, dockerfile.source.text[place.start : place.end], "")


@lru_cache(maxsize=64)
def files(dockerfile: DockerfileText, context: Path) -> tuple[tuple[BuildFile, Verdict], ...]:
    """Files of the context with credentials that the stages copy."""
    found = list(_files(dockerfile, context))
    named = {declaration.path for declaration, _ in found if not declaration.is_broad}
    return tuple(
        (declaration, verdict)
        for declaration, verdict in found
        if not declaration.is_broad or declaration.path not in named
    )


def credentials_in(folder: Path) -> list[Path]:
    """The files of a folder that hold credentials and have the usual names of such files."""
    if not folder.is_dir():
        return []
    named = sorted(path for path in folder.iterdir() if _CREDENTIALS.fullmatch(path.name))
    return [path for path in named if (text := _content(path)) is not None and _is_secret(path.name, text)]


def _files(dockerfile: DockerfileText, context: Path) -> Iterator[tuple[BuildFile, Verdict]]:
    escape = dockerfile.content.escape
    for stage in stages(dockerfile.content):
        for copy in stage.instructions:
            if copy.keyword not in {"ADD", "COPY"} or copy.flag("from") is not None:
                continue
            for name, word, is_listed in _sources(copy, escape):
                for path, is_whole_folder in _named(context, name):
                    is_broad = is_whole_folder or is_listed
                    text = _content(path)
                    if text is None or not _is_secret(path.name, text):
                        continue
                    declaration = BuildFile(
                        dockerfile,
                        path.relative_to(context).as_posix() if is_broad else name,
                        text.replace("$", "$$"),
                        _node(dockerfile, copy, word),
                        None,
                        instruction=copy,
                        part=word,
                        path=path,
                        is_broad=is_broad,
                    )
                    yield declaration, Verdict(Confidence.LIKELY, Exposure.LITERAL, _COPIED, "copied file")


def _sources(copy: Instruction, escape: str) -> Iterator[tuple[str, Span, bool]]:
    """What a COPY copies, where it names it, and whether that is a JSON list."""
    listed = copy.words()
    if listed is not None:
        yield from ((name, Span(0, len(copy.text)), True) for name in listed[:-1])
    else:
        yield from ((copy.text[slice(*word)], word, False) for word in list(words(copy.text, escape))[:-1])


def _named(context: Path, name: str) -> Iterator[tuple[Path, bool]]:
    """The credential files, by name, that a word of COPY matches, and whether it matches several."""
    folder = context / name.strip("/")
    if set("*?[") & set(name):
        ignored = ignored_in(context)
        pattern = posixpath.normpath(f"/{name}").lstrip("/")
        home = context / posixpath.dirname(pattern)
        found = sorted(home.iterdir()) if not set("*?[") & set(str(home)) and home.is_dir() else []
        for path in found:
            is_meant = fnmatchcase(path.name, posixpath.basename(pattern)) and _CREDENTIALS.fullmatch(path.name)
            if is_meant and not ignored(path.relative_to(context).as_posix()):
                yield path, True
        return
    if name.strip("/") in {"", "."} or (folder.is_dir() and not _CREDENTIALS.fullmatch(folder.name)):
        ignored = ignored_in(context)
        found = (
            sorted(path for path in folder.iterdir() if _CREDENTIALS.fullmatch(path.name)) if folder.is_dir() else []
        )
        yield from ((path, True) for path in found if not ignored(path.relative_to(context).as_posix()))
    elif _CREDENTIALS.fullmatch(posixpath.basename(name)):
        yield context / name.lstrip("/"), False


def ignored_in(context: Path) -> Callable[[str], bool]:
    """Whether the context excludes a path, as far as simple patterns of its .dockerignore tell."""
    lines = [line.strip() for line in (_content(context / ".dockerignore") or "").splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]

    def is_ignored(path: str) -> bool:
        result = False
        for pattern in patterns:
            plain = pattern.lstrip("!").strip("/").removeprefix("./")
            forms = (plain, f"{plain}/*", plain.removeprefix("**/"), f"*/{plain.removeprefix('**/')}")
            if any(fnmatchcase(path, form) for form in (forms if plain.startswith("**/") else forms[:2])):
                result = not pattern.startswith("!")
        return result

    return is_ignored


def _content(path: Path) -> str | None:
    """The text of a file; None if it is not a file, or not text."""
    try:
        return read_bytes(path).decode("utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        return None


def _is_secret(name: str, text: str) -> bool:
    if name.startswith(".env"):
        return any(map(_is_telling, _entries(text)))
    if name.endswith((".pem", ".key")):
        return _PRIVATE.search(text) is not None
    telling = _TELLING.get(name)
    return bool(text.strip()) and (telling is None or telling.search(text) is not None)


def _entries(text: str) -> list[dotenv.Entry]:
    try:
        return dotenv.parse(text, {})
    except dotenv.DotenvError:
        return []


def _is_telling(entry: dotenv.Entry) -> bool:
    value = entry.value or ""
    return bool(value) and judge(Candidate("", entry.name, value.replace("$", "$$"), value)) is not None
