"""What a YAML parser refuses, as a sentence with the usual cause and the location where the construct started.

The sentences are this program's own: a parser quotes characters and names of the file, which may be a secret.
"""

from __future__ import annotations

from typing import Any

from dsec_migrate.text.errors import UserError
from dsec_migrate.text.source import Source

# what both parsers have in their messages, what it means, and the usual cause
_PROBLEMS = (
    (("',' or ']'",), "did not find expected ',' or ']'", "close the list with ], or put quotes around its values"),
    (("',' or '}'",), "did not find expected ',' or '}'", "close the mapping with }, or put quotes around its values"),
    (
        ("mapping values are not allowed",),
        "mapping values are not allowed in this context",
        "put quotes around a value that holds `: `, or indent the line as those above it",
    ),
    (
        ("cannot start any token",),
        "found character that cannot start any token",
        "indent with spaces, never with tabs; a value that begins with @, ` or % needs quotes",
    ),
    (("unexpected end of stream",), "found unexpected end of stream", "close the quote that begins here"),
    (("unexpected document indicator",), "found unexpected document indicator", "close the quote before the line"),
    (
        ("'-' indicator", "but found '?'"),
        "did not find expected '-' indicator",
        "align the items of a list, and indent what follows the list less",
    ),
    (
        ("expected key", "<block end>"),
        "did not find expected key",
        "indent the line like the others in its mapping; only a comment may follow a closing quote",
    ),
    (("expected ':'",), "could not find expected ':'", "write `key: value`, or indent a multi-line string"),
    (
        ("unknown escape character",),
        "found unknown escape character",
        r"write \\ for a backslash, or take single quotes",
    ),
    (
        ("comment or line break", "chomping or indentation"),
        "did not find expected comment or line break",
        "start the string on the line after | or >",
    ),
    (
        ("node content",),
        "did not find expected node content",
        "put quotes around a value that begins with one of ] } ,",
    ),
    (("<document start>", "document start"), "did not find expected document start", "separate documents with ---"),
    (("directive",), "found an invalid directive", "put quotes around a string that begins with %"),
    (("tag",), "found a tag that cannot be read", "put quotes around a value that begins with !"),
    (
        ("anchor", "alias"),
        "found an anchor or alias without a name",
        "put quotes around a value that begins with & or *",
    ),
)
_CONSTRUCTS = (
    ("flow sequence", "the list"),
    ("flow mapping", "the mapping"),
    ("block mapping", "the mapping"),
    ("block collection", "the list"),
    ("block sequence", "the list"),
    ("quoted scalar", "the text in quotes"),
    ("block scalar", "the text"),
    ("simple key", "the key"),
)
_REFUSED = "`docker compose config` refuses the file, too"


def syntax_error(source: Source, error: Exception) -> UserError | None:
    """A parser's exception as a UserError, or None for any other exception."""
    file = str(source.path)
    context_mark: Any = getattr(error, "context_mark", None)
    mark: Any = getattr(error, "problem_mark", None) or context_mark
    if mark is not None:
        said = str(getattr(error, "problem", None) or "")
        context = str(getattr(error, "context", None) or "")
        what, cause = next(
            ((what, cause) for signs, what, cause in _PROBLEMS if any(sign in said for sign in signs)),
            ("cannot be parsed", "correct the line"),
        )
        if "unexpected end of stream" in said and context_mark is not None:
            # its start is more useful than the end of the file
            mark = context_mark
        place = source.locate(min(mark.index, len(source.text)))
        began = source.locate(min(context_mark.index, len(source.text))) if context_mark is not None else place
        construct = next((name for sign, name in _CONSTRUCTS if sign in context), "")
        if construct and began != place:
            what += f" in {construct} that begins at {began[0]}:{began[1]}"
        return UserError(f"invalid YAML: {what}", file, *place, help=f"{cause}; {_REFUSED}")
    position = getattr(error, "position", None)
    if isinstance(position, int):
        return UserError(
            "invalid YAML: control characters are not allowed",
            file,
            *source.locate(min(position, len(source.text))),
            help="remove the character; Compose refuses the file, too",
        )
    if isinstance(error, (RecursionError, UnicodeError, ValueError)):
        return UserError("invalid YAML: cannot be parsed", file, help=f"correct it; {_REFUSED}")
    return None
