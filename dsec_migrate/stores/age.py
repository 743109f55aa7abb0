"""Encrypted files beside the plain ones, for git: the age format (https://age-encryption.org/v1), with pyrage.

Facts of the format: each recipient can decrypt; a file reveals neither the recipients nor the value, only its
approximate length; an armored file is text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsec_migrate.stores.managers import need_library
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.secret import Secret

SUFFIX = ".age"
RECIPIENTS = ".age-recipients"
"""The file with the public keys of the recipients, one per line. It belongs in git."""


def is_encrypted(path: Path) -> bool:
    return path.name.endswith(SUFFIX)


def encrypted(path: Path) -> Path:
    """The path of the encrypted form of a secret's file."""
    return path.with_name(f"{path.name}{SUFFIX}")


def check(recipients: Sequence[str]) -> None:
    """Raises UserError if one is not a public key, or the library is not installed."""
    list(map(_recipient, recipients))


def encrypt(content: bytes, recipients: Sequence[str]) -> str:
    """The armored text. Raises UserError."""
    return str(_library().encrypt(content, list(map(_recipient, recipients)), armored=True), "ascii")


def decrypt(content: bytes, identities: Sequence[Secret], path: Path) -> bytes:
    """Raises UserError if no identity matches or the file is damaged."""
    library = _library()
    try:
        return bytes(library.decrypt(content, list(map(_identity, identities))))
    except library.DecryptError:
        raise UserError(
            "no identity decrypts it, or it is damaged",
            str(path),
            help="pass the identity of one of its recipients: --identity FILE",
        ) from None


def read_recipients(text: str) -> list[str]:
    """The recipients, without comments and blank lines."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def read_identities(path: Path) -> list[Secret]:
    """The keys of an identity file as ``age-keygen`` writes it, or one private SSH key. Raises UserError."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the identity ({type(error).__name__})", str(path)) from None
    if text.lstrip().startswith("-----BEGIN "):
        return [Secret(text)]
    keys = [Secret(line) for line in read_recipients(text)]
    if not keys:
        raise UserError("the file contains no identity", str(path), help="create one with `age-keygen -o FILE`")
    for key in keys:
        _identity(key)
    return keys


def _library() -> Any:
    try:
        import pyrage
    except ImportError:
        raise need_library("pyrage", "age") from None
    return pyrage


def _recipient(text: str) -> Any:
    library = _library()
    kind = library.ssh if text.startswith("ssh-") else library.x25519
    try:
        return kind.Recipient.from_str(text)
    except library.RecipientError:
        raise UserError(
            f"not an age recipient: {text}", help="pass a public key such as age1…, ssh-ed25519 … or ssh-rsa …"
        ) from None


def _identity(key: Secret) -> Any:
    library = _library()
    text = key.reveal()
    try:
        if text.lstrip().startswith("-----BEGIN "):
            return library.ssh.Identity.from_buffer(text.encode())
        return library.x25519.Identity.from_str(text)
    except library.IdentityError:
        # its text is not shown: it may be a secret
        raise UserError(
            "invalid age identity", help="use a key that begins with AGE-SECRET-KEY-1, or an SSH key without passphrase"
        ) from None
