"""An SSH key stays outside the build: the builder's agent signs for the RUN that needs it.

Facts of BuildKit: ``--mount=type=ssh`` sets SSH_AUTH_SOCK to a socket of the caller's agent; without ``uid=`` or
``mode=`` it is owned by root with mode 0600.
"""

from __future__ import annotations

import base64
import binascii

from dsec_migrate.compose.document import Mapping
from dsec_migrate.compose.project import Project
from dsec_migrate.dockerfile import Dockerfile, words
from dsec_migrate.planning.build_changes import AGENT
from dsec_migrate.text.patterns import Pattern

KEY = Pattern(r"id_(?:rsa|dsa|ecdsa|ed25519)")
_ARMOURED = Pattern(r"-----BEGIN (?P<kind>[A-Z ]*)PRIVATE KEY-----\s(?P<body>[A-Za-z0-9+/=\s]+)-----END ")
_OPENSSH = b"openssh-key-v1\0\0\0\0\4none"
_SEQUENCE = b"0"
_OTHER_PLACE = Pattern(r"IdentitiesOnly|IdentityAgent|SSH_AUTH_SOCK|ssh-agent")


def serves(project: Project, dockerfile: Dockerfile, key: str) -> bool:
    """Whether an agent with this key (a text) can replace the file: it is the only key, it is not encrypted, and
    nothing configures agents."""
    builds = (service.get("build") for service in project.services.values())
    if any(isinstance(build, Mapping) and build.get("ssh") is not None for build in builds):
        return False
    text = dockerfile.source.text
    if AGENT in text or _OTHER_PLACE.search(text) is not None or not _is_open(key):
        return False
    copies = [each for each in dockerfile.instructions if each.keyword in {"ADD", "COPY"}]
    keys = {
        name
        for copy in copies
        for word in list(words(copy.text, dockerfile.escape))[:-1]
        if KEY.fullmatch(name := copy.text[slice(*word)].rpartition("/")[2])
    }
    # a configuration may name the file
    return len(keys) == 1 and not any(".ssh/config" in copy.text or "ssh_config" in copy.text for copy in copies)


def _is_open(key: str) -> bool:
    """Whether it is a private key without a passphrase."""
    found = _ARMOURED.match(key.lstrip())
    if found is None:
        return False
    try:
        data = base64.b64decode("".join(found["body"].split()), validate=True)
    except binascii.Error:
        return False
    return data.startswith(_OPENSSH if found["kind"] == "OPENSSH " else _SEQUENCE)
