"""Documents -> services and their variables, each with all of its sources.

A *declaration* is one location in a file where a variable is declared: a line of an ``environment:`` mapping or an item
of a list. One declaration can reach several services (anchors, merge keys, ``extends``), and one service's variable can
have several declarations (a name twice in a list, several documents, ``extends``); in Compose the last one wins.
"""

from dsec_migrate.compose.project.claims import Claim, claim_on
from dsec_migrate.compose.project.dockerfiles import BuildArgument, BuildFile, BuildPart
from dsec_migrate.compose.project.file_cache import Texts
from dsec_migrate.compose.project.file_texts import DockerfileText, EnvFileText
from dsec_migrate.compose.project.loading import load, located, place, reload
from dsec_migrate.compose.project.merging import scalar_text
from dsec_migrate.compose.project.model import (
    OVERRIDE,
    RESET,
    Argument,
    Declaration,
    EnvFile,
    EnvFileDeclaration,
    Hidden,
    Layer,
    Project,
    Reading,
    Service,
    Variable,
    definitions,
    has_unusual_line_ends,
    plain_mapping,
)
from dsec_migrate.compose.project.resolved_values import Value, references_of, resolve

__all__ = [
    "OVERRIDE",
    "RESET",
    "Argument",
    "BuildArgument",
    "BuildFile",
    "BuildPart",
    "Claim",
    "Declaration",
    "DockerfileText",
    "EnvFile",
    "EnvFileDeclaration",
    "EnvFileText",
    "Hidden",
    "Layer",
    "Project",
    "Reading",
    "Service",
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
