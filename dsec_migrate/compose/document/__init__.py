"""YAML text -> nodes with exact positions.

The nodes keep what ``compose()`` of a YAML library loses and an edit needs: the position of each alias, the style of
each scalar, and the true end of block collections (the last leaf, not the comments after it). They are built once and
never changed afterwards; they compare by identity.
"""

from dsec_migrate.compose.document.nodes import (
    OVERRIDE_TAG,
    RESET_TAG,
    Alias,
    Content,
    Document,
    Entry,
    Mapping,
    Node,
    ParsedNode,
    Scalar,
    Sequence,
    follow,
    inherited,
    is_given,
    is_merge_key,
    merge_sources,
    plain,
    walk,
)
from dsec_migrate.compose.document.parser import parse
from dsec_migrate.compose.document.positions import text_span
from dsec_migrate.compose.scalars import Timestamp

__all__ = [
    "OVERRIDE_TAG",
    "RESET_TAG",
    "Alias",
    "Content",
    "Document",
    "Entry",
    "Mapping",
    "Node",
    "ParsedNode",
    "Scalar",
    "Sequence",
    "Timestamp",
    "follow",
    "inherited",
    "is_given",
    "is_merge_key",
    "merge_sources",
    "parse",
    "plain",
    "text_span",
    "walk",
]
