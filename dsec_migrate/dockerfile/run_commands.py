"""Which RUN instructions may read a variable that they do not name."""

from __future__ import annotations

import posixpath

from dsec_migrate.dockerfile.reader import Dockerfile, Instruction
from dsec_migrate.text.patterns import Pattern

# quoted strings in which the shell expands nothing, and arithmetic
_QUOTED = Pattern(r"'[^']*'|\"[^\"$`\\]*\"|\$\(\([^()]*\)\)")
_BETWEEN = Pattern(r"&&|\|\||\$\(|[;&|\n(){}`]")
# what may precede the program: keywords, and assignments for it only
_LEAD = Pattern(r"\s*(?:(?:then|do|else|elif|if|while|until|!|time|exec|command)\s+|[A-Za-z_]\w*=\S*(?:\s+|\Z))*")
_WORD = Pattern(r"\S+")
_READ_UNNAMED = Pattern(r"\.npmrc|settings\.xml")
_PLACEHOLDER = "quoted"
# also the sign of a here-document
_REDIRECTION = Pattern(r"\d*(?:<<-?|<|>>?)&?\s*\S+")

_KEYWORDS = frozenset({"", "case", "done", "do", "else", "esac", "fi", "for", "then"})
_DEAF = {
    "[", "[[", ":", "a2dismod", "a2enmod", "addgroup", "adduser", "apk", "apt", "apt-get", "basename", "bzip2",
    "cat", "cd", "chgrp", "chmod", "chown", "cmp", "cp", "cut", "date", "delgroup", "deluser", "df", "diff",
    "dirname", "dnf", "dpkg", "dpkg-reconfigure", "du", "echo", "egrep", "exit", "false", "fgrep", "find",
    "getent", "grep", "groupadd", "groupdel", "groupmod", "gunzip", "gzip", "head", "hostname", "id", "install",
    "ldconfig", "ln", "locale-gen", "localedef", "ls", "md5sum", "microdnf", "mkdir", "mktemp", "mv", "nproc",
    "pacman", "passwd", "patch", "printf", "pwd", "readlink", "realpath", "rm", "rmdir", "rpm", "sed", "setcap",
    "sha256sum", "sha512sum", "sleep", "sort", "stat", "strip", "sync", "tail", "tar", "test", "touch", "tr",
    "true", "type", "umask", "uname", "uniq", "unlink", "unset", "unxz", "unzip", "update-alternatives",
    "update-ca-certificates", "useradd", "userdel", "usermod", "wc", "which", "whoami", "xz", "yum", "zypper",
}  # fmt: skip
"""Programs and builtins that act on their arguments only and read no variable of a project. Any other one may read
anything: package managers of languages, compilers, scripts, ``env``."""


def may_read_variables(dockerfile: Dockerfile, run: Instruction) -> bool:
    """Whether a RUN starts something that may read variables that its text does not name. The content of its
    here-documents counts as commands: it usually is."""
    words = run.words()
    if words is not None:
        return not words or posixpath.basename(words[0]) not in _DEAF
    scripts = [run.text, *(dockerfile.source.text[slice(*each.content)] for each in run.heredocs)]
    return any(_READ_UNNAMED.search(script) or any(map(_may_read, _commands(script))) for script in scripts)


def _commands(script: str) -> list[str]:
    return _BETWEEN.split(_REDIRECTION.sub("", _QUOTED.sub(_PLACEHOLDER, script)))


def _may_read(command: str) -> bool:
    lead = _LEAD.match(command)
    words = _WORD.findall(command[lead.end() :] if lead is not None else command)
    name = posixpath.basename(words[0]) if words else ""
    if name in _KEYWORDS:
        return False
    if name in {"export", "set"}:
        # without arguments, or with -p, they print all variables
        return len(words) == 1 or words[1] == "-p"
    return name not in _DEAF or (name == "find" and "-exec" in command)
