"""Strings that run in the container and read a variable, or repeat its value: they read the secret's file instead.

Only if that is exact: otherwise a string that reads the variable is a reason to skip it, and one that repeats the value
is kept, and the report names it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as MappingType
from functools import lru_cache

from dsec_migrate.compose.document import Document, Scalar, text_span, walk
from dsec_migrate.compose.project import Declaration, Layer, Project, Service
from dsec_migrate.detectors import namesakes
from dsec_migrate.detectors.namesakes import mentioned
from dsec_migrate.planning import shell_texts
from dsec_migrate.planning.changes import Read
from dsec_migrate.planning.passes.fix import Case
from dsec_migrate.planning.passes.obstacles import BESIDE, RUN_INSIDE
from dsec_migrate.planning.shell_texts import Script, Test
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text import limits
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import Span

# what client programs read from variables without naming them: PostgreSQL "Environment Variables", MySQL "Environment
# Variables" (deprecated, read by MariaDB too), redis-cli --help, sqlcmd, RabbitMQ "CLI tools"
_CLIENTS: MappingType[str, Pattern] = {
    "PGPASSWORD": Pattern(
        r"(?<![\w./-])(?:psql|pg_dump(?:all)?|pg_restore|vacuumdb|createdb|dropdb|reindexdb)(?![\w-])"
    ),
    "MYSQL_PWD": Pattern(r"(?<![\w.-])(?:mysql|mariadb)(?:admin|-admin|show|-show|check|-check|dump|-dump)?(?![\w-])"),
    "REDISCLI_AUTH": Pattern(r"(?<![\w.-])(?:redis|valkey|keydb)-cli(?![\w-])"),
    "VALKEYCLI_AUTH": Pattern(r"(?<![\w.-])valkey-cli(?![\w-])"),
    "SQLCMDPASSWORD": Pattern(r"(?<![\w.-])sqlcmd(?![\w-])"),
    "RABBITMQ_ERLANG_COOKIE": Pattern(r"(?<![\w.-])rabbitmq(?:ctl|-diagnostics|-plugins|-queues)(?![\w-])"),
    "VAULT_TOKEN": Pattern(r"(?<![\w.-])(?:vault|bao)(?![\w-])"),
    "CONSUL_HTTP_TOKEN": Pattern(r"(?<![\w.-])consul(?![\w-])"),
}
# a program that is started without a shell
_ASSIGNMENT = Pattern(r"\w+=")
_MARKS = Pattern(r"['\"`\\#<()]")
_FIRST_WORD = Pattern(r"\s*([\w./\[-]+)")


def find(case: Case, keys: Collection[str], secret: Secret | None) -> tuple[Read, ...] | Skipped:
    """The changes to all strings below ``keys`` of the service, still without the secret's path. ``secret`` is the
    value if it is known now."""
    found: list[Read] = []
    for layer in case.service.layers:
        for key in keys:
            node = layer.service.get(key)
            if node is None:
                continue
            texts = {id(script.node): script for script in _scripts(layer, key)}
            for part in walk(node):
                if not isinstance(part, Scalar) or "$$" not in part.value or case.variable.name not in part.value:
                    continue
                if not list(_uses(part.value, case.variable.name)):
                    continue
                read = _reading(case, layer, texts.get(id(part)))
                if isinstance(read, str):
                    file, line, _ = layer.document.place(part.start)
                    return Skipped(
                        f"its {key} ({file}:{line}) reads ${case.variable.name} inside the container, where it would "
                        f"no longer be set{read}"
                    )
                found.append(read)
    value = secret.reveal() if secret is not None else None
    silent = _silent_uses(case, [key for key in keys if key in BESIDE], {id(read.node) for read in found})
    if isinstance(silent, Skipped):
        return silent
    repeated = repetitions(case, [key for key in keys if key in BESIDE], value) if value is not None else ()
    return (*found, *silent, *repeated)


def reads_variable(service: Service, name: str, keys: Collection[str]) -> bool:
    """Whether a string below ``keys`` reads the variable and does not set it itself."""
    for layer in service.layers:
        for key in keys:
            node = layer.service.get(key)
            for part in walk(node) if node is not None else ():
                if isinstance(part, Scalar) and f"{name}=$$(cat " not in part.value and list(_uses(part.value, name)):
                    return True
    return False


def _scripts(layer: Layer, key: str) -> Iterator[Script]:
    return (text for text in shell_texts.of_service(layer.service, key) if isinstance(text, Script))


def _uses(text: str, name: str) -> Iterator[tuple[Span, bool]]:
    """Where a string reads the variable, and whether it is a plain reference (``$$X``, ``$${X}``)."""
    if "$$" not in text or name not in text:
        return
    for match in re.finditer(rf"(\$+)(\{{[#!]?)?{re.escape(name)}(?![A-Za-z0-9_])(\}})?", text):
        dollars, brace, end = match.groups()
        if len(dollars) % 2 == 0:
            is_plain = len(dollars) == 2 and (brace == "{" and end is not None if brace else True)
            yield Span(match.start(), match.end() if brace else match.end(0) - len(end or "")), is_plain


def _reading(case: Case, layer: Layer, script: Script | None) -> Read | str:
    """The change to a string that reads the variable; if there is no exact one, why, to be appended to a reason."""
    if script is None:
        return ""
    if case.variable.effective.value is None or case.variable.effective.value.endswith("\n"):
        return ""
    other = obstacle(case, layer, script.node)
    if other:
        return f": {other}"
    name, document = case.variable.name, layer.document
    uses = list(_uses(script.node.value, name))
    spans = tuple(span for span, _ in uses)
    if spans[0].start < script.start or spans[-1].end > script.end:
        return ""
    states = quotes_at(case, script, spans)
    is_inline = all(is_plain and state in {"", '"'} for (_, is_plain), state in zip(uses, states, strict=True))
    if is_inline and all(text_span(document, script.node, span) is not None for span in spans):
        return Read(document, script.node, spans)
    return _setting_first(layer, script, name) or ""


def _setting_first(layer: Layer, script: Script, name: str) -> Read | None:
    """The script first sets the variable."""
    first = _FIRST_WORD.match(script.text)
    if first is None:
        return None
    span = Span(script.start + first.start(1), script.start + first.end(1))
    if text_span(layer.document, script.node, span) is None:
        return None
    return Read(layer.document, script.node, (span,), variable=name)


def _silent_uses(case: Case, keys: Collection[str], done: Collection[int]) -> tuple[Read, ...] | Skipped:
    """The changes to strings whose programs read the variable by default."""
    name = case.variable.name
    client = _CLIENTS.get(name)
    found: list[Read] = []
    for layer in case.service.layers if client is not None else ():
        for key in keys:
            for text in shell_texts.of_service(layer.service, key):
                node = text.node if isinstance(text, Script) else text.words[0]
                words = text.text if isinstance(text, Script) else " ".join(word.value for word in text.words)
                run = client.search(words) if client is not None else None
                if run is None or id(text.node) in done or re.search(rf"\b{name}=", words):
                    continue
                read = None if obstacle(case, layer, node) is not None else _told(case, layer, text)
                if read is None:
                    file, line, _ = layer.document.place(node.start)
                    return Skipped(f"its {key} ({file}:{line}) runs {run.group()}, which reads it from the variable")
                found.append(read)
    return tuple(found)


def _told(case: Case, layer: Layer, text: Script | Test) -> Read | None:
    name = case.variable.name
    if isinstance(text, Script):
        return _setting_first(layer, text, name)
    if not _can_be_joined(case, layer, text):
        return None
    return Read(layer.document, text.words[1], (), variable=name, test=text.node)


def obstacle(case: Case, layer: Layer, node: Scalar) -> str | None:
    """Why a string cannot read the file of the variable's secret: others would receive the changed string, or some
    files on their own define the string without the secret."""
    if layer.users:
        return f"{layer.document.source.path} is also extended by other files"
    others = _runners(case.project)[id(node)] - {case.service.name}
    if others:
        return f"{min(others)} uses the same string"
    return _without_secret(case, layer) if len(case.project.documents) > 1 else None


def _without_secret(case: Case, layer: Layer) -> str | None:
    """Why some of the files would define the string of ``layer`` without this secret or with another one. A selection
    of files works only with one that says what the service runs."""
    service, variable = case.service, case.variable
    lasts = {id(declaration.document): declaration for declaration in variable.declarations}
    other = next((declaration for declaration in lasts.values() if declaration.text != variable.declaration.text), None)
    if other is not None:
        return f"{other.document.source.path} and {variable.declaration.document.source.path} set it differently"
    bringing = {id(document) for declaration in lasts.values() for document in _bringing(service, declaration)}
    running = {
        id(document)
        for one in service.layers
        if any(one.service.get(key) is not None for key in ("image", "build"))
        for document in one.users or (one.document,)
    }
    if id(layer.document) in bringing or running <= bringing:
        return None
    return f"without {variable.declaration.document.source.path} it would find no secret"


def _bringing(service: Service, declaration: Declaration) -> Iterator[Document]:
    """The files of the project that add a line: those that name an env file, or extend another file's service."""
    named = [layer for file in service.env_files if file.text is declaration.document for layer in file.layers]
    for layer in named or [one for one in service.layers if one.document is declaration.document]:
        yield from layer.users or (layer.document,)


@lru_cache(maxsize=4)
def _runners(project: Project) -> MappingType[int, set[str]]:
    """The services that run each string, by the string's identity."""
    found: dict[int, set[str]] = {}
    for service in project.services.values():
        for layer in service.layers:
            for key in RUN_INSIDE:
                node = layer.service.get(key)
                for part in walk(node) if node is not None else ():
                    found.setdefault(id(part), set()).add(service.name)
    return found


def repetitions(case: Case, keys: Collection[str], value: str) -> Iterator[Read]:
    """The changes to strings below ``keys`` that contain the value itself, or a reference to it."""
    if shell_texts.PLAIN.fullmatch(value) is None:
        return
    for layer in case.service.layers:
        for key in keys:
            for text in shell_texts.of_service(layer.service, key):
                if not isinstance(text, Script):
                    yield from in_words(case, layer, text, value)
                    continue
                spans = [
                    Span(text.start + start, text.start + end)
                    for start, end in _spans(case, layer, text.node, text.text, value)
                ]
                exact = tuple(span for span in spans if is_exact(case, layer, text, span, value))
                if exact and obstacle(case, layer, text.node) is None:
                    yield Read(layer.document, text.node, exact)


def is_exact(case: Case, layer: Layer, script: Script, part: Span, value: str) -> bool:
    """Whether a shell treats a part of the script that contains the value like the content of a file."""
    if shell_texts.PLAIN.fullmatch(value) is None or part.end > script.end:
        return False
    (state,) = quotes_at(case, script, [part])
    return state in {"", '"'} and text_span(layer.document, script.node, part) is not None


def quotes_at(case: Case, script: Script, parts: Sequence[Span]) -> list[str | None]:
    """As :func:`scripts.quotes_at`, for parts of the script's scalar; the value of a reference may contain quotes."""
    if _brings_quotes(case.project, script.text):
        return [None] * len(parts)
    return shell_texts.quotes_at(script.text, [part.start - script.start for part in parts])


# called for each part of a string
@lru_cache(maxsize=16)
def _brings_quotes(project: Project, text: str) -> bool:
    brought = (project.resolve(text[one.start : one.end]).value for one in mentioned(text) if one.depth == 0)
    return any(_MARKS.search(value or "") for value in brought)


def in_words(case: Case, layer: Layer, test: Test, value: str) -> Iterator[Read]:
    """As :func:`repetitions`, for a healthcheck that no shell runs so far."""
    words = test.words[1:]
    spans = _spans(case, layer, words[0], " ".join(word.value for word in words), value)
    if not spans or obstacle(case, layer, words[0]) is not None:
        return
    inside: list[tuple[Scalar, tuple[Span, ...]]] = []
    offset = 0
    for word in words:
        end = offset + len(word.value)
        own = tuple(Span(span.start - offset, span.end - offset) for span in spans if offset <= span.start < end)
        inside.append((word, own))
        offset = end + 1
    if _can_be_joined(case, layer, test, {id(word): own for word, own in inside}):
        yield from (Read(layer.document, word, own, test=test.node) for word, own in inside if own)


def _can_be_joined(case: Case, layer: Layer, test: Test, parts: MappingType[int, Sequence[Span]] | None = None) -> bool:
    """Whether the words can be joined to one line for a shell, without ``parts`` of them (by identity)."""
    row = None if case.service.is_built else case.project.images.find(case.service.image)
    words = test.words[1:]
    text = layer.document.source.text
    if row is None or row.shell not in {"sh", "bash"}:
        return False
    if "#" in text[words[0].start : words[-1].end] or any(word.style in {"|", ">"} or word.anchor for word in words):
        return False
    for word in words:
        rest = word.value
        for span in reversed((parts or {}).get(id(word), ())):
            rest = rest[: span.start] + rest[span.end :]
        if "$" in rest:
            # a reference may expand to shell syntax, and no shell has expanded variables so far
            return False
    return _ASSIGNMENT.match(words[0].value) is None


def _spans(case: Case, layer: Layer, node: Scalar, text: str, value: str) -> list[Span]:
    found = namesakes.uses(case.project, case.service, text, case.variable, value)
    if len(found) > limits.TEXT_USES:
        what = f"a string of {case.service.name} contains one value more than {limits.TEXT_USES} times"
        raise layer.document.error(what, node.start, help="set the value once in a variable")
    return found
