"""Secrets outside variables, commands and builds: in labels, options of drivers and providers, contents of configs,
``x-`` fields, and any other scalar.

One walk over the files: each scalar is judged by its key and by its own text, as the reports mask it. Scalars are left
out if another module judges them, because it is known what reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from dsec_migrate.compose.document import (
    Document,
    Entry,
    Mapping,
    ParsedNode,
    Scalar,
    Sequence,
    follow,
    text_span,
    walk,
)
from dsec_migrate.compose.project import Project, scalar_text
from dsec_migrate.compose.project.mounted import mounts
from dsec_migrate.config import exclusions
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Candidate, Confidence, Exposure, Finding, Site, Verdict
from dsec_migrate.detectors.judge import judge, passages
from dsec_migrate.detectors.literal_parts import template
from dsec_migrate.detectors.names import Kind, meaning
from dsec_migrate.detectors.resolvers import resolver_of
from dsec_migrate.detectors.scanning import merge
from dsec_migrate.planning import command_arguments
from dsec_migrate.planning.changes import Read
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Source, Span

CHECK = "plaintext-elsewhere"
"""The audit check that reports them."""

NAME = "text"
# what is judged as a variable or as a command
_JUDGED = ("environment", "command", "entrypoint", "healthcheck")
# what names other things, so that the key above says nothing: `secrets: [api_token]`
_NAMING = ("env_file", "build", "image", "secrets", "extends", "label_file")
# a list item of the form NAME=value
_ENTRY = Pattern(r"([A-Za-z_][\w.-]*)=")
# paths, ports, names, versions: most scalars, which cannot contain a secret
_ORDINARY = Pattern(r"(?i)(?!.*(?:pass|key|token|secret|pwd|cred|salt|psk|[\w-]{20}|//))[\w./:-]{1,200}")
_KEY = Pattern(r"[\w./-]*")
_HOOKS = frozenset({"post_start", "pre_stop"})
_OF_WORDS = frozenset({"command", "entrypoint", "test", "cache_from", "cache_to"})
_OUT_OF_GIT = "replace it with `${NAME}` and keep the value in an `.env` that git ignores"
_WAYS = {
    "driver_opts": "mount it on the host (CIFS: `credentials=FILE` in /etc/fstab) and bind-mount the folder, or",
    "logging": "move it to the engine's daemon.json, which only root can read, or to an agent on the host, or",
    "labels": "anyone who can inspect containers reads labels: pass it to the program in another way, or",
    "context": "store it in git's credential helper, or",
    "additional_contexts": "store it in git's credential helper, or",
    "cache_from": "let the builder read it from its own environment or from a profile, or",
    "cache_to": "let the builder read it from its own environment or from a profile, or",
    "dockerfile_inline": "anyone with the image reads what its Dockerfile sets: mount a secret in the service or in "
    "the step that needs it (`RUN --mount=type=secret`), or",
    "runtime_flags": "they become command-line arguments, which all users of the host see: let it read a file, or",
    "provider": "its options become command-line arguments, which all users of the host see: let it read a file, or",
}


class Text(NamedTuple):
    """What ``node`` says from ``start`` on, below the keys ``path``. ``is_used``: it is not in an ``x-`` field that
    nothing takes. ``among_words``: which part is a secret as the words around it tell, of a list of words."""

    document: Document
    path: tuple[str, ...]
    node: Scalar
    start: int
    is_used: bool
    among_words: Verdict | None = None

    @property
    def text(self) -> str:
        return (scalar_text(self.node) or "")[self.start :]


def find(project: Project, options: Options, told: Collection[int] = ()) -> Iterator[Finding]:
    """A row for each such scalar that is, contains or may contain a secret, except those already ``told`` (by
    identity)."""
    judged = {*told, *_judged_elsewhere(project)}
    naming = set(_naming(project))
    for text in _texts(project):
        if id(text.node) not in judged:
            verdict = _verdict(project, text, is_naming=id(text.node) in naming)
            if verdict is not None:
                yield _row(project, options, text, verdict)


def staying(rows: Iterable[Finding], reads: Iterable[Read]) -> Iterator[Finding]:
    """The rows without those whose every part is now read from a file."""
    gone: dict[str, list[Span]] = {}
    for read in reads:
        if read.test is None and not read.variable:
            node, document = read.node, read.document
            places = (text_span(document, node, part) or Span(node.start, node.end) for part in read.spans)
            gone.setdefault(str(document.source.path), []).extend(places)
    for row in rows:
        known = gone.get(row.site.file, ())
        if not row.spans or not all(any(a <= start and end <= b for a, b in known) for start, end in row.spans):
            yield row


def excepted(
    project: Project, options: Options, source: Source, lines: Collection[int], check: str, finding: Finding
) -> Finding:
    """The finding of ``lines``, with the reason if the project excludes it."""
    service, variable = finding.service, finding.variable or finding.path
    names = (variable, finding.name, finding.path, finding.site.file)
    reasons = (exclusions.reason_for(check, source, line, names, project.exceptions) for line in lines)
    reason = next(filter(None, reasons), None)
    if reason is not None:
        return replace(finding, note=f"excluded: {reason}", is_excepted=True)
    reason = options.reason_to_skip(service, variable)
    if reason:
        return replace(finding, note=f"skipped on purpose: {reason}", is_excepted=True)
    return finding


# --- the walk ---


def _texts(project: Project) -> Iterator[Text]:
    """Every scalar of the project's files; in files that are only extended, those of the services used."""
    for document in project.documents:
        # a scalar or a list at the top is no Compose file
        for root in (one for one in document.roots if isinstance(one, Mapping)):
            yield from _below(document, root, ())
    done: set[int] = set()
    for service in project.services.values():
        for layer in service.layers:
            if layer.document in project.extended and id(layer.service) not in done:
                done.add(id(layer.service))
                yield from _below(layer.document, layer.service, ("services", service.name))


def _below(document: Document, root: ParsedNode, path: tuple[str, ...]) -> Iterator[Text]:
    used = [alias.target.start for alias in document.aliases]
    words: dict[int, Verdict] = {}
    stack: list[tuple[tuple[str, ...], ParsedNode, bool, bool]] = [(path, root, False, True)]
    while stack:
        path, node, is_item, is_used = stack.pop()
        if isinstance(node, Mapping):
            stack.extend(
                ((*path, entry.name), entry.value, False, is_used and not _is_aside(entry, used))
                for entry in reversed(node.entries)
            )
        elif isinstance(node, Sequence):
            stack.extend((path, item, True, is_used) for item in reversed(node.items))
            words.update(_words(node))
        elif isinstance(node, Scalar):
            # the words of a command, and what says how to keep a cache, are no entries
            named = _ENTRY.match(node.value) if is_item and not (path and path[-1] in _OF_WORDS) else None
            path, start = (path, 0) if named is None else ((*path, named[1]), named.end())
            among_words = words.get(id(node))
            if among_words is not None:
                path, start = (path[:-1] if start else path), 0
            yield Text(document, path, node, start, is_used, among_words)


def _words(node: Sequence) -> Iterator[tuple[int, Verdict]]:
    """The words of a command line that are secrets, by the identity of their scalars: `["--token", "x"]`."""
    if any(isinstance(word := follow(item), Scalar) and word.value.startswith("-") for item in node.items):
        for place in command_arguments.in_text(node):
            exposure, parts = template(place.scalar.value).expose(*place.part)
            yield id(place.scalar), Verdict(place.found.confidence, exposure, place.found.why, NAME, parts)


def _is_aside(entry: Entry, used: Collection[int]) -> bool:
    """Whether an ``x-`` field is used by no alias."""
    if not entry.name.startswith("x-"):
        return False
    return not any(entry.value.outer_start <= start <= entry.value.end for start in used)


def _judged_elsewhere(project: Project) -> Iterator[int]:
    for service in project.services.values():
        for layer in service.layers:
            for key in _JUDGED:
                node = layer.service.get(key)
                if node is not None:
                    yield from (id(follow(part)) for part in walk(node))
            build = layer.service.get("build")
            arguments = build.get("args") if isinstance(build, Mapping) else None
            if arguments is not None:
                yield from (id(follow(part)) for part in walk(arguments))
        for variable in (*service.variables.values(), *service.hidden):
            yield from (id(declaration.content) for declaration in variable.declarations)


def _naming(project: Project) -> Iterator[int]:
    for service in project.services.values():
        for layer in service.layers:
            for key in _NAMING:
                node = layer.service.get(key)
                labels = node.get("labels") if isinstance(node, Mapping) else None
                named = {id(follow(part)) for part in walk(node)} if node is not None else set()
                yield from named - ({id(follow(part)) for part in walk(labels)} if labels is not None else set())


# --- what is found ---


def _verdict(project: Project, text: Text, *, is_naming: bool) -> Verdict | None:
    said = text.text
    if text.among_words is not None or is_naming:
        return text.among_words or _of_passages(said)
    # `traefik.http.routers.secrets.rule` is a rule: the parts before the last dot are a path to it
    name = text.path[-1].rpartition(".")[2] if text.path else ""
    if not said or said.isspace() or (_ORDINARY.fullmatch(said) and meaning(name).kind is Kind.PLAIN):
        return None
    value = project.resolve(said)
    verdict = judge(Candidate("", name, said, None if value.unset else value.value)) or _of_passages(said)
    if verdict is not None and not text.is_used:
        why = f"{verdict.why}, in an x- field that no service uses"
        return replace(verdict, confidence=Confidence.POSSIBLE, why=why)
    return verdict


def _of_passages(said: str) -> Verdict | None:
    found = passages(said)
    if not found:
        return None
    parts = merge((one.start, one.end) for one in found)
    exposure = Exposure.LITERAL if parts == ((0, len(said)),) else Exposure.EMBEDDED
    surest = next(
        (one for rank in (Confidence.CERTAIN, Confidence.LIKELY) for one in found if one.confidence is rank), found[0]
    )
    return Verdict(surest.confidence, exposure, surest.why, NAME, parts)


def _row(project: Project, options: Options, text: Text, verdict: Verdict) -> Finding:
    path, document = text.path, text.document
    spans = tuple(_spans(text, verdict))
    is_of_service = len(path) > 3 and path[0] == "services" and path[1] in project.services
    finding = Finding.skipped(
        Site(*document.place(spans[0].start if spans else text.node.outer_start)),
        path[1] if is_of_service else "",
        # the name that a command has, for --skip and exclusions
        f"{path[2]}:{_shown(path[-1])}" if is_of_service else "",
        "plaintext",
        verdict,
        resolver_of(text.text) or _note(project, path),
        path=".".join(map(_shown, path)),
        spans=spans,
    )
    lines = {finding.site.line, document.place(text.node.outer_start)[1]}
    return excepted(project, options, document.source, lines, CHECK, finding)


def _shown(key: str) -> str:
    """The part of a key that is certainly a name: a value may follow it."""
    name = _KEY.match(key)
    return name[0] if name is not None and name[0] == key else f"{name[0] if name else ''}…"


def _note(project: Project, path: tuple[str, ...]) -> str:
    """Why it is skipped, and the usual remedy."""
    if not _HOOKS.isdisjoint(path):
        return "it is in a hook: mount a secret and read it in the hook with a shell: `$(cat /run/secrets/NAME)`"
    if path[0] == "configs" and path[-1] == "content" and len(path) == 3:
        return _as_secret(project, _shown(path[1]))
    if path[-1].startswith("traefik.") and ".plugin." in path[-1]:
        option = _shown(path[-1].rpartition(".")[2])
        return (
            "anyone who can inspect containers reads labels: many Traefik plugins read a file, "
            f"`{option}File`; otherwise {_OUT_OF_GIT}"
        )
    way = next((f"{way} " for key in reversed(path[1:]) if (way := _WAYS.get(key))), "")
    return f"no container reads a file there: {way}{_OUT_OF_GIT}"


def _as_secret(project: Project, name: str) -> str:
    """How to mount a config as a secret at the same path; a config without a target is mounted at ``/NAME``."""
    told: dict[str, list[str]] = {}
    has_mode = False
    for service in project.services.values():
        for mount in mounts(service, "configs"):
            if mount.source == name:
                one = follow(mount.item)
                has_mode = has_mode or (isinstance(one, Mapping) and one.get("mode") is not None)
                place = _shown(mount.target) if mount.target else f"/{name}"
                told.setdefault(place, []).append(service.name)
    uses = [
        f"`secrets: [{{source: {name}, target: {place}}}]` in {' and '.join(dict.fromkeys(services))}"
        for place, services in told.items()
    ]
    mode = ", and set the mode on the file itself, since Compose does not set it for secrets" if has_mode else ""
    return (
        "a config is not a secret: write the content to a file that git ignores, define it in the top-level "
        f"`secrets:` as {name}, and replace the config with {' and '.join(uses) or 'the secret, same target'}{mode}"
    )


def _spans(text: Text, verdict: Verdict) -> Iterator[Span]:
    """The positions of the parts in the file; the whole scalar if escapes or folds make them inexact."""
    for start, end in verdict.parts:
        place = text_span(text.document, text.node, Span(text.start + start, text.start + end))
        if place is None:
            yield Span(_content_start(text), text.node.end)
            return
        yield place


def _content_start(text: Text) -> int:
    node = text.node
    if node.style in {"|", ">"}:
        # after the line with the indicator
        return text.document.source.text.find("\n", node.start, node.end) + 1 or node.start
    return node.start
