"""Shell completion, as scripts that start no program: waiting for Python at each Tab would be too slow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from dsec_migrate.cli.command import SHELLS, Command
from dsec_migrate.cli.parameters import Parameter
from dsec_migrate.text.errors import UserError

_FILE_METAVARS = {"FILE", "DIR", "FORMAT=FILE"}


def script(shell: str, commands: Iterable[Command]) -> str:
    """The script for one of ``SHELLS``. Raises UserError for another."""
    if shell not in _SCRIPTS:
        raise UserError(f"--completion: unknown shell {shell}", help=f"use one of {', '.join(SHELLS)}")
    return _SCRIPTS[shell](tuple(commands))


def _words(texts: Iterable[str]) -> str:
    return " ".join(texts)


# --- bash ---


def _bash(commands: tuple[Command, ...]) -> str:
    verbs = [command.verb for command in commands if command.verb]
    taking: list[str] = []
    listing: list[str] = []
    for command in commands:
        for option in command.options:
            for spelling in option.spellings if option.metavar else ():
                if option.values:
                    taking.append(f"    '{command.verb} {spelling}') _dsec_words '{_words(option.values)}'; return ;;")
                elif option.metavar in _FILE_METAVARS:
                    taking.append(f"    '{command.verb} {spelling}') _dsec_files; return ;;")
                else:
                    taking.append(f"    '{command.verb} {spelling}') return ;;")
        spellings = [spelling for option in command.options for spelling in option.spellings]
        listing.append(f"      '{command.verb}') _dsec_words '{_words(spellings)}' ;;")
    lines = [
        "# bash completion of dsec-migrate; in ~/.bashrc: source <(dsec-migrate --completion bash)",
        '_dsec_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }',
        "_dsec_files() {",
        "  compopt -o filenames 2>/dev/null",
        '  mapfile -t COMPREPLY < <(compgen -f -- "$word")',
        "}",
        "_dsec_migrate() {",
        "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=",
        "  COMPREPLY=()",
        f"  case ${{COMP_WORDS[1]}} in {'|'.join(verbs)}) ((COMP_CWORD > 1)) && verb=${{COMP_WORDS[1]}} ;; esac",
        '  case "$verb $before" in',
        *taking,
        "  esac",
        "  if [[ $word == -* ]]; then",
        "    case $verb in",
        *listing,
        "    esac",
        "    return",
        "  fi",
        "  _dsec_files",
        "  if ((COMP_CWORD == 1)); then",
        f'    mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -W \'{_words(verbs)}\' -- "$word")',
        "  fi",
        "}",
        "complete -F _dsec_migrate dsec-migrate",
    ]
    return "".join(f"{line}\n" for line in lines)


# --- zsh ---


def _zsh(commands: tuple[Command, ...]) -> str:
    lines = [
        "#compdef dsec-migrate",
        "# zsh completion: a file _dsec_migrate in a folder of $fpath",
        "",
    ]
    verbs = [command for command in commands if command.verb]
    lines += ["_dsec_migrate() {", "  local verb=", "  local -a verbs=("]
    lines += [f"    {_quoted(f'{command.verb}:{_first_sentence(command.text)}')}" for command in verbs]
    lines += ["  )", "  if (( CURRENT > 2 )) && (( ${verbs[(I)$words[2]:*]} )); then", "    verb=$words[2]", "  fi"]
    lines.append("  case $verb in")
    for command in commands:
        if not command.verb:
            continue
        words = f"_arguments {_zsh_options(command)} '*:file:_files'"
        lines.append(f"    {command.verb}) shift words; (( CURRENT-- )); {words} ;;")
    plain = next(command for command in commands if not command.verb)
    lines += [
        "    *)",
        f"      _arguments {_zsh_options(plain)} '1: :->first' '*:file:_files'",
        "      if [[ $state == first ]]; then _describe -t commands command verbs; _files; fi ;;",
        "  esac",
        "}",
        "",
        '_dsec_migrate "$@"',
    ]
    return "".join(f"{line}\n" for line in lines)


def _zsh_options(command: Command) -> str:
    return " ".join(_zsh_option(option, spelling) for option in command.options for spelling in option.spellings)


def _zsh_option(option: Parameter, spelling: str) -> str:
    told = _first_sentence(option.help).translate(str.maketrans("[]:", "();"))
    text = f"*{spelling}[{told}]"
    if option.metavar:
        otherwise = "_files" if option.metavar in _FILE_METAVARS else " "
        action = f"({_words(option.values)})" if option.values else otherwise
        text += f":{option.metavar.replace(':', ' ')}:{action}"
    return _quoted(text)


# --- fish ---

_FISH = "complete -c dsec-migrate -n"


def _fish(commands: tuple[Command, ...]) -> str:
    verbs = [command for command in commands if command.verb]
    names = _words(command.verb for command in verbs)
    lines = ["# fish completion of dsec-migrate: ~/.config/fish/completions/dsec-migrate.fish"]
    lines += [
        f"{_FISH} __fish_use_subcommand -a {command.verb} -d {_quoted(_first_sentence(command.text))}"
        for command in verbs
    ]
    for command in commands:
        seen = f"__fish_seen_subcommand_from {command.verb or names}"
        seen = seen if command.verb else f"not {seen}"
        for option in command.options:
            words = [f"{_FISH} {_quoted(seen)}"]
            words += [f"-l {one[2:]}" if one.startswith("--") else f"-s {one[1:]}" for one in option.spellings]
            if option.metavar:
                is_file = option.metavar in _FILE_METAVARS
                words.append(f"-x -a {_quoted(_words(option.values))}" if option.values else "-r" if is_file else "-x")
            lines.append(_words([*words, f"-d {_quoted(_first_sentence(option.help))}"]))
    return "".join(f"{line}\n" for line in lines)


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()).partition(". ")[0].rstrip(".")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "'\\''") + "'"


_SCRIPTS: Mapping[str, Callable[[tuple[Command, ...]], str]] = dict(zip(SHELLS, (_bash, _zsh, _fish), strict=True))
