"""Documents -> services and their variables, each with every place that it comes from.

A *slot* is one place in a text where a variable is declared: a line of an ``environment:`` mapping or an item of a
list. One slot can reach several services (anchors, merge keys, ``extends``), and one service's variable can have
several slots (a name twice in a list, several documents, ``extends``); Compose lets the last one win.
"""

from dsec_migrate.project.claims import Claim, claim_on
from dsec_migrate.project.loading import load, located, place, reload
from dsec_migrate.project.merging import scalar_text
from dsec_migrate.project.model import (
    OVERRIDE,
    RESET,
    Argument,
    EnvFile,
    EnvFileSlot,
    EnvFileText,
    Hidden,
    Layer,
    Project,
    Reading,
    Service,
    Slot,
    Variable,
    definitions,
    has_unusual_line_ends,
    plain_mapping,
)
from dsec_migrate.project.recipes import BuildArgument, BuildFile, BuildPart, DockerfileText
from dsec_migrate.project.texts import Texts
from dsec_migrate.project.values import Value, references_of, resolve

__all__ = [
    "OVERRIDE",
    "RESET",
    "Argument",
    "BuildArgument",
    "BuildFile",
    "BuildPart",
    "Claim",
    "DockerfileText",
    "EnvFile",
    "EnvFileSlot",
    "EnvFileText",
    "Hidden",
    "Layer",
    "Project",
    "Reading",
    "Service",
    "Slot",
    "Texts",
    "Value",
    "Variable",
    "claim_on",
    "definitions",
    "has_unusual_line_ends",
    "load",
    "located",
    "place",
    "plain_mapping",
    "references_of",
    "reload",
    "resolve",
    "scalar_text",
]
