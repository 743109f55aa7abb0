"""Strings that a shell runs inside a container: where they are in a service, and what their quotes mean.

Facts of Compose 2.40: a test that is one string, or follows ``CMD-SHELL``, is run by ``/bin/sh -c``; the words after
``CMD`` are run as they are, so that ``$$X`` in them reaches the program as ``$X``; a command in one string is split
into words, and no shell is run.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from collections.abc import Sequence as SequenceType
from functools import lru_cache

from dsec_migrate.compose.document import Content, Mapping, Scalar, Sequence, follow
from dsec_migrate.planning import wrapper_script
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass

PLAIN = Pattern(r"[\w@%+=:,./-]+")
"""Characters without special meaning in a shell, quoted or unquoted."""
_SHELL = Pattern(r"(?:/(?:usr/)?(?:local/)?bin/)?(?:ba|da|a|k|z)?sh")
_COMMAND_OPTION = Pattern(r"-[a-zA-Z]*c[a-zA-Z]*")
_WORD = Pattern(r"(?s)(?:[^\s'\"\\]|\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\")+")
_BARE = Pattern(r"[\w@%+=:,./-]*")
_QUOTED = Pattern(r"(?s)(['\"])(.*)\1")


@dataclass(frozen=True, repr=False, eq=False)
class Script:
    """What a shell receives of a scalar: the characters ``start`` to ``end`` of its value, ``$`` doubled."""

    node: Scalar
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.node.value[self.start : self.end]


@dataclass(frozen=True, repr=False, eq=False)
class Test:
    """The words of a healthcheck that no shell sees; ``node`` is the whole list, ``CMD`` included."""

    node: Sequence
    words: tuple[Scalar, ...]


def of_service(service: Mapping, key: str) -> Iterator[Script | Test]:
    """The scripts, and tests in exec form, below one key of a service; nothing for what no shell and no test runs."""
    node = service.get(key)
    if key == "healthcheck":
        test = node.get("test") if isinstance(node, Mapping) else None
        yield from _of_test(test)
    elif key in {"post_start", "pre_stop"}:
        for hook in node.items if isinstance(node, Sequence) else ():
            body = follow(hook)
            yield from _of_command(body.get("command") if isinstance(body, Mapping) else None)
    elif key == "command":
        yield from _of_command(node, before=_started(words(service.get("entrypoint"))))
    else:
        yield from _of_command(node)


def _started(entrypoint: list[Scalar]) -> list[Scalar]:
    """The words of an entrypoint without those of our wrapper script: what remains is the original ENTRYPOINT."""
    wrapper = wrapper_script.read([word.value.replace("$$", "$") for word in entrypoint])
    return entrypoint if wrapper is None else entrypoint[len(entrypoint) - len(wrapper.words) :]


def _of_test(test: Content | None) -> Iterator[Script | Test]:
    if isinstance(test, Scalar):
        yield Script(test, 0, len(test.value))
        return
    own = words(test)
    if not isinstance(test, Sequence) or len(own) < 2 or len(own) != len(test.items):
        return
    if own[0].value == "CMD-SHELL":
        yield Script(own[1], 0, len(own[1].value))
    elif own[0].value == "CMD":
        script = next(_of_command(test, skip=1), None)
        yield script or Test(test, tuple(own))


def words(node: Content | None) -> list[Scalar]:
    """The words of a command, a test or an entrypoint that is a list."""
    items = node.items if isinstance(node, Sequence) else ()
    return [content for item in items if isinstance(content := follow(item), Scalar)]


def _of_command(node: Content | None, *, skip: int = 0, before: SequenceType[Scalar] = ()) -> Iterator[Script]:
    """The script after ``sh -c``; ``before`` are the words of an entrypoint that the command follows."""
    if isinstance(node, Scalar):
        yield from _of_one_string(node)
        return
    own = words(node)[skip:]
    line = [*before, *own]
    number = _script_number([word.value for word in line])
    if number is not None and number >= len(before):
        script = line[number]
        yield Script(script, 0, len(script.value))


def _script_number(line: SequenceType[str]) -> int | None:
    """The index of the word that is the script of a shell started with ``-c``."""
    for number, word in enumerate(line[:-2]):
        if _SHELL.fullmatch(word) is not None:
            options = number + 1
            while options < len(line) - 1 and line[options].startswith("-"):
                if _COMMAND_OPTION.fullmatch(line[options]) is not None:
                    return options + 1
                options += 1
            return None
    return None


def _of_one_string(node: Scalar) -> Iterator[Script]:
    found = list(_WORD.finditer(node.value))
    number = _script_number([match.group() for match in found])
    if number is None:
        return
    quoted = _QUOTED.fullmatch(found[number].group())
    # an unquoted script ends at the next blank
    if quoted is not None and (quoted[1] == "'" or "\\" not in quoted[2]):
        start = found[number].start() + 1
        yield Script(node, start, start + len(quoted[2]))


def quotes_at(script: str, positions: SequenceType[int]) -> list[str | None]:
    """For each position (in order) of a script, the quotes around it: ``'``, ``"`` or nothing.

    None if unknown: after a backslash, in a comment, or where a here-document or a ``case`` has its own rules.
    """
    if "<<" in script or "esac" in script:
        return [None] * len(positions)
    quotes = _quotes(script)
    return [quotes.get(position) for position in positions]


# called for each secret of a script
@lru_cache(maxsize=16)
def _quotes(script: str) -> dict[int, str]:
    """The quotes of every position, except those inside an escaped character or a comment."""
    found: dict[int, str] = {}
    stack = [""]
    position = 0
    while position <= len(script):
        found[position] = stack[-1] if stack[-1] in {"'", '"'} else ""
        position += _step(script, position, stack)
    return found


def _step(script: str, position: int, stack: list[str]) -> int:
    """Consumes from ``position``: returns how many characters, and tracks the quotes that open or close there."""
    character, state = script[position : position + 1], stack[-1]
    if state == "'":
        if character == "'":
            stack.pop()
        return 1
    if character == "\\":
        # `\$$X` is an escaped dollar sign, which Compose has written as two
        return 3 if script[position + 1 : position + 3] == "$$" else 2
    if script.startswith("$$(", position) or script.startswith("$(", position):
        stack.append(")")
        return 3 if script[position + 1] == "$" else 2
    if character in {"`", '"'}:
        if state == character:
            stack.pop()
        else:
            stack.append(character)
        return 1
    if state == '"':
        return 1
    if character == "'":
        stack.append("'")
    elif character == "(":
        stack.append(")")
    elif character == ")" and state == ")":
        stack.pop()
    elif character == "#" and (position == 0 or script[position - 1] in " \t\n;"):
        end = script.find("\n", position)
        return (end if end >= 0 else len(script)) - position or 1
    return 1


def content(path: str) -> str:
    """The content of a file, in a script of a Compose file. ``$(…)`` strips final newlines; an assigned value is not
    split (observed)."""
    return f"$$(cat {path})"


def setting(variable: str, path: str, end: str) -> str:
    """The statements that set and export a variable to the content of a file, each followed by ``end``."""
    return f"{variable}={content(path)}{end}export {variable}{end}"


def quoted(text: str) -> str:
    """A literal part of a word, in the quotes that are easiest to read."""
    if _BARE.fullmatch(text):
        return text
    is_double = "'" in text and not any(character in text for character in '"$`\\!')
    return f'"{text}"' if is_double else shlex.quote(text)
