"""Which file each part of a string reads: one part reads one file, even if several secrets hold its value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dsec_migrate.compose.document import Sequence as SequenceNode
from dsec_migrate.compose.project import Argument
from dsec_migrate.planning import shell_texts
from dsec_migrate.planning.changes import PlannedSecret, Read
from dsec_migrate.planning.components import Component, is_word_of_test
from dsec_migrate.planning.decision import Decision
from dsec_migrate.planning.passes.fix import Fix
from dsec_migrate.planning.patches import Patch, ReplacePart, SetValue
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Span

_ASSIGNED = Pattern(r"(\w+)=[\"']?\Z")
# `-u root`, `-uroot`, `--user=root`, `//root:`; a variable may hold the name
_USER = Pattern(r"(?:(?:^|[\s\"'])(?:-[uU]|--?user(?:name)?)[\s=\"']*|://)\$*\{?(?P<user>[A-Za-z0-9_.-]+)")
# without an option they use the name of the process's user, which is root in their containers
_AS_ROOT = Pattern(r"(?<![\w.-])(?:mysql|mariadb)(?:-?[a-z]+)?(?![\w-])")
_END_OF_COMMAND = Pattern(r"[|;&\n]")
# whose programs and URLs a command line has, and how variables of theirs are called
_NAMES = {
    "postgres": ("POSTGRES", "PG", "DB_PASS"),
    "psql": ("POSTGRES", "PG", "DB_PASS"),
    "pg_": ("POSTGRES", "PG", "DB_PASS"),
    "mysql": ("MYSQL", "MARIADB", "DB_PASS"),
    "mariadb": ("MYSQL", "MARIADB", "DB_PASS"),
    "mongo": ("MONGO",),
    "redis": ("REDIS",),
    "rabbitmq": ("RABBITMQ",),
    "amqp": ("RABBITMQ",),
}
_STORE = Pattern(r"(?i)(?<![a-z])(?:postgres|psql|pg_|mysql|mariadb|mongo|redis|rabbitmq|amqp)")
_PASSWORD = Pattern(r"(?i)_?(?:password|passwd|pass|pwd|pw)$")


def patches(reads: Iterable[Read]) -> Iterator[Patch]:
    """The changes to the strings. A test in exec form is rewritten once for all its reads."""
    tests: dict[int, tuple[SequenceNode, list[Read]]] = {}
    for read in reads:
        document, node, origin = read.document, read.node, f"a text that reads {read.path}"
        if read.test is not None:
            tests.setdefault(id(read.test), (read.test, []))[1].append(read)
        elif not read.variable:
            yield from (
                ReplacePart(document, node, span, shell_texts.content(read.path), origin) for span in read.spans
            )
        else:
            start = read.spans[0].start
            # in a string of several lines, the new statements are lines too
            has_lines = node.style == "|" and "\n" in node.value.rstrip("\n")
            end = "\n" if has_lines and node.value[start - 1 : start] in {"", "\n"} else "; "
            yield ReplacePart(
                document, node, Span(start, start), shell_texts.setting(read.variable, read.path, end), origin
            )
    for test, own in tests.values():
        origin = " and ".join(f"a test that reads {path}" for path in dict.fromkeys(read.path for read in own))
        yield SetValue(own[0].document, test, ("CMD-SHELL", _joined(test, own)), origin)


def _joined(test: SequenceNode, reads: Sequence[Read]) -> str:
    """The words of a healthcheck as one line for a shell, with parts that are the content of files."""
    spans: dict[int, list[tuple[Span, str]]] = {}
    for read in reads:
        spans.setdefault(id(read.node), []).extend((span, read.path) for span in read.spans)
    line = [shell_texts.setting(read.variable, read.path, "; ").rstrip() for read in reads if read.variable]
    for word in shell_texts.words(test)[1:]:
        text, position = "", 0
        for span, path in sorted(spans.get(id(word), ())):
            text += shell_texts.quoted(word.value[position : span.start]) + f'"{shell_texts.content(path)}"'
            position = span.end
        line.append((text + shell_texts.quoted(word.value[position:])) or "''")
    return " ".join(line)


class _Claim(NamedTuple):
    """A change that would make a part read the file of the finding's secret."""

    finding: Decision
    read: Read


def reads(moved: Sequence[Component], by_declaration: Mapping[int, PlannedSecret]) -> Iterator[Read]:
    """The changes to strings that read the files of what moves, no part twice."""
    wanted: dict[tuple[int, str, str], Read] = {}
    for finding in _findings(moved):
        for read in finding.result.reads if isinstance(finding.result, Fix) else ():
            read = replace(read, path=by_declaration[finding.variable.declaration.key].mount_path)
            wanted.setdefault((id(read.node), read.path, read.variable), read)
    claims = _claims(moved, by_declaration)
    taken = _own_places(moved)
    given: dict[tuple[int, str], list[Span]] = {}
    for node, places in claims.items():
        done = taken.get(node, [])
        # one value may be part of another
        for span in sorted(places, key=lambda span: (span.start - span.end, span.start)):
            if all(span.end <= other.start or other.end <= span.start for other in done):
                done.append(span)
                chosen = _told(places[span], span) or places[span][0]
                given.setdefault((node, chosen.read.path), []).append(span)
    for (node, path, variable), read in wanted.items():
        if variable:
            yield read
        elif spans := given.get((node, path)):
            yield replace(read, spans=tuple(sorted(spans)))


def _findings(moved: Iterable[Component]) -> Iterator[Decision]:
    return (finding for component in moved for finding in component.findings)


def _own_places(moved: Iterable[Component]) -> dict[int, list[Span]]:
    """The parts of scripts and words that are separate secrets, by the identity of their scalar."""
    found: dict[int, list[Span]] = {}
    for finding in _findings(moved):
        declaration = finding.variable.declaration
        if (
            isinstance(declaration, Argument)
            and isinstance(finding.result, Fix)
            and not is_word_of_test(declaration, finding.result)
        ):
            found.setdefault(id(declaration.content), []).append(declaration.part)
    return found


def unclear(moved: Sequence[Component], by_declaration: Mapping[int, PlannedSecret]) -> Iterator[tuple[Decision, str]]:
    """The decisions on secrets of one value whose owner is unclear at a place, with the
    reason: a file is picked, and when only one of them changes, it may be the wrong one."""
    for places in _claims(moved, by_declaration).values():
        for span, claims in places.items():
            if _told(claims, span) is None:
                names = " and ".join(dict.fromkeys(claim.finding.variable.name for claim in claims))
                for claim in claims:
                    yield (
                        claim.finding,
                        f"a check or a command holds the value that {names} share: see that it reads the right file",
                    )


def _claims(
    moved: Sequence[Component], by_declaration: Mapping[int, PlannedSecret]
) -> dict[int, dict[Span, list[_Claim]]]:
    """Who would let each place read its file, by the identity of the scalar."""
    claims: dict[int, dict[Span, list[_Claim]]] = {}
    for finding in _findings(moved):
        for read in finding.result.reads if isinstance(finding.result, Fix) else ():
            read = replace(read, path=by_declaration[finding.variable.declaration.key].mount_path)
            for span in () if read.variable else read.spans:
                claims.setdefault(id(read.node), {}).setdefault(span, []).append(_Claim(finding, read))
    return claims


def _told(claims: Sequence[_Claim], span: Span) -> _Claim | None:
    """The one that the text around the place tells: by a variable, a user, or a program; None where it tells none, or
    several with their own files."""
    if _is_one(claims):
        return claims[0]
    before, behind = _around(claims[0].read, span)
    assigned = _ASSIGNED.search(before)
    command = _END_OF_COMMAND.split(before)[-1] + "\0" + _END_OF_COMMAND.split(behind)[0]
    users = [match["user"] for match in _USER.finditer(command)]
    if not users and _AS_ROOT.search(command):
        users = ["root"]
    for claim in claims:
        variable = claim.finding.variable
        if isinstance(variable.declaration, Argument) and variable.declaration.part == span:
            return claim
        if assigned is not None and assigned[1] == variable.name:
            return claim
    told = next((own for user in users if (own := [one for one in claims if _is_of(user, one.finding)])), claims)
    if not _is_one(told):
        stores = {match.group().lower() for match in _STORE.finditer(command)}
        told = [
            one for one in told if any(name in one.finding.variable.name for store in stores for name in _NAMES[store])
        ]
    return told[0] if told and _is_one(told) else None


def _is_one(claims: Sequence[_Claim]) -> bool:
    return len({claim.read.path for claim in claims}) == 1


def _around(read: Read, span: Span) -> tuple[str, str]:
    """What precedes and follows a part in its command line."""
    if read.test is None:
        return read.node.value[: span.start], read.node.value[span.end :]
    line = shell_texts.words(read.test)[1:]
    number = next(number for number, word in enumerate(line) if word is read.node)
    before = [word.value for word in line[:number]]
    behind = [word.value for word in line[number + 1 :]]
    return " ".join([*before, read.node.value[: span.start]]), " ".join([read.node.value[span.end :], *behind])


def _is_of(user: str, finding: Decision) -> bool:
    """Whether the variable is the password of ``user``, a name or the variable that holds it."""
    name = finding.variable.name
    stem = _PASSWORD.sub("", name)
    if stem == name:
        return False
    if user.upper() in stem.upper().split("_"):
        return True
    variables = finding.case.service.variables
    of_user = [variables[other] for other in (f"{stem}_USER", f"{stem}_USERNAME") if other in variables]
    return any(user in {one.name, one.effective.value} for one in of_user)
