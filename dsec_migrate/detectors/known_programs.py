"""Which words of which program are a credential: after an option, or as a positional argument.

From the manuals of the programs. The same one-letter option is a password for some, and a port for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.text.patterns import Pattern

_MOST_WORDS = 48
# a program's name, and what separates it from its words, also in a list
_PROGRAM = Pattern(r"(?<![\w.-])[A-Za-z0-9][\w.-]{1,40}(?=\\?[\"']?[ \t,])")
_GAP = Pattern(r"(?:\\?[\"'])?(?:[ \t,]|\\\r?\n){1,16}(?=[^\s,])")
# non-empty quotes may open anywhere in a word; a bracket after them closes a list
_WORD = Pattern(
    r"(?:\\\"[^\s,;|&\"\\][^\"\\\n]{0,512}\\\"|\\[^\r\n]|\"[^\s,;|&\"][^\"\n]{0,512}\"|'[^\s,;|&'][^'\n]{0,512}'"
    r"|[^\s\"'|;&<>,\\\]]|(?<![\"'])\]|,(?=[^\s\"',]))+"
)
_USER_COLON = Pattern(r"(?s)[^\s:]{1,128}:(?P<value>(?!//).+)")
_USER_PERCENT = Pattern(r"(?s)[^\s%]{1,128}%(?P<value>.+)")
_USER_COMMA = Pattern(r"(?s)[^\s,]{1,128},(?P<value>.+)")
# Oracle: user/password@database
_USER_SLASH = Pattern(r"[^\s/@]{1,128}/(?P<value>[^\s@/]+)(?=@|\Z)")
_ASSIGNED = Pattern(r"[A-Za-z_]\w*=")
_QUOTES = ('\\"', '"', "'")


class Place(NamedTuple):
    """After the words ``of`` the credential is word ``number``, from 1; ``pair`` if a user precedes it in the word."""

    of: tuple[str, ...]
    number: int
    pair: Pattern | None = None


class Program(NamedTuple):
    """``secrets`` are options whose value is a credential, and ``pairs`` those whose value ends in one. The value of an
    one-letter option is attached to it, or separate if ``apart`` allows that; letters of ``flags`` may precede it in
    its word. ``behind`` is a word that must come first. ``valued`` are other options with values, not positional
    words."""

    secrets: tuple[str, ...] = ()
    pairs: Mapping[str, Pattern] = {}
    places: tuple[Place, ...] = ()
    apart: bool = True
    flags: str = ""
    behind: str = ""
    valued: tuple[str, ...] = ()


_MYSQL = Program(("-p",), apart=False)
_MONGO = Program(("-p",))
_REDIS = Program(("-a", "--pass"), places=(Place(("auth",), 1), Place(("AUTH",), 1)), valued=("-h", "-p", "-n", "-u"))
_CURL = Program(
    ("--oauth2-bearer", "--pass", "--proxy-pass"),
    dict.fromkeys(("-u", "--user", "-U", "--proxy-user"), _USER_COLON),
    flags="fsSLkivgqNjIGaR046#",
)
_LDAP = Program(("-w",), flags="xLvnZcMPI")
_SAMBA = Program(pairs={"-U": _USER_PERCENT, "--user": _USER_PERCENT})
_SQL_SERVER = Program(("-P",))
_RABBIT = Program(
    places=tuple(Place((verb,), 2) for verb in ("add_user", "change_password", "authenticate_user")),
    valued=("-n", "--node", "-t", "--timeout", "--vhost", "-p"),
)
_MOSQUITTO = Program(("-P", "--pw"))
_COUCHBASE = Program(("-p",))
_SHADOWSOCKS = Program(("-k",))
_SNMP = Program(("-A", "-X"))
_TERMINAL = Program(pairs={"-c": _USER_COLON, "--credential": _USER_COLON})
_ORACLE = Program(places=(Place((), 1, _USER_SLASH),), valued=("-M", "-C"))
_OPENSSL = Program(("-k",), places=(Place(("passwd",), 1),), valued=("-salt", "-in", "-out"))
_KEYTOOL = Program(tuple(f"-{which}{what}pass" for which in ("", "src", "dest", "new") for what in ("store", "key")))
_RCON = Program(("-p",))
_HTTPIE = Program(pairs={"-a": _USER_COLON, "--auth": _USER_COLON})
_NGROK = Program(places=(Place(("authtoken",), 1), Place(("add-authtoken",), 1)), valued=("--config",))
_NEO4J = Program(places=(Place(("set-initial-password",), 1),))

_PROGRAMS: Mapping[str, Program] = {
    "sshpass": Program(("-p",)),
    **dict.fromkeys(("mongo", "mongosh", "mongodump", "mongorestore", "mongoimport", "mongoexport"), _MONGO),
    **dict.fromkeys(("redis-cli", "valkey-cli", "keydb-cli"), _REDIS),
    "curl": _CURL,
    **dict.fromkeys(("smbclient", "rpcclient", "smbget", "smbcacls", "wbinfo"), _SAMBA),
    **dict.fromkeys(("sqlcmd", "bcp", "isql"), _SQL_SERVER),
    "rabbitmqctl": _RABBIT,
    "rabbitmqadmin": Program(("-p",)),
    **dict.fromkeys(("mosquitto_pub", "mosquitto_sub", "mosquitto_rr"), _MOSQUITTO),
    # of Docker, Podman, Helm, ORAS, crane, Azure, Cloud Foundry and others
    "login": Program(("-p",)),
    "vault": Program(places=(Place(("login",), 1),)),
    "bao": Program(places=(Place(("login",), 1),)),
    "alias": Program(places=(Place(("set",), 4),)),
    "config": Program(places=(Place(("host", "add"), 4),)),
    "mc": Program(places=(Place(("admin", "user", "add"), 3),)),
    "openssl": _OPENSSL,
    "keytool": _KEYTOOL,
    "ssh-keygen": Program(("-N", "-P")),
    **dict.fromkeys(("slappasswd", "ldappasswd"), Program(("-s", "-w"))),
    "smbpasswd": Program(("-w",)),
    "wpa_passphrase": Program(places=(Place((), 2),)),
    "mkpasswd": Program(places=(Place((), 1),), valued=("-m", "-S", "-R", "--method", "--salt", "--rounds")),
    "cqlsh": Program(("-p",)),
    "cypher-shell": Program(("-p",)),
    "neo4j-admin": _NEO4J,
    "influx": Program(("-t",), behind="setup"),
    **dict.fromkeys(("couchbase-cli", "cbq", "cbbackupmgr", "cbimport", "cbexport"), _COUCHBASE),
    **dict.fromkeys(("sqlplus", "sqlldr", "expdp", "impdp"), _ORACLE),
    **dict.fromkeys(("7z", "7za", "7zr", "7zz", "rar", "unrar"), Program(("-p",), apart=False)),
    **dict.fromkeys(("zip", "unzip"), Program(("-P",))),
    "etcdctl": Program(pairs={"--user": _USER_COLON}),
    "lftp": Program(pairs={"-u": _USER_COMMA}),
    "rclone": Program(places=(Place(("obscure",), 1),)),
    "ipmitool": Program(("-P",)),
    **dict.fromkeys(("kadmin", "kadmin.local"), Program(("-w",))),
    **dict.fromkeys(("ttyd", "gotty"), _TERMINAL),
    **dict.fromkeys(("http", "https", "xh", "xhs"), _HTTPIE),
    "airflow": Program(("-p",), behind="create"),
    "set-password": Program(("-p",)),
    "useradd": Program(("-p",)),
    "usermod": Program(("-p",)),
    "nats-server": Program(("--auth",)),
    "x11vnc": Program(places=(Place(("-storepasswd",), 1),)),
    "ngrok": _NGROK,
    "transmission-remote": Program(pairs={"-n": _USER_COLON, "--auth": _USER_COLON}),
    "deluge-console": Program(places=(Place(("connect",), 3),)),
    **dict.fromkeys(("ss-server", "ss-local", "ssserver", "sslocal"), _SHADOWSOCKS),
    "hash-password": Program(("-p", "--plaintext")),
    **dict.fromkeys(("rcon", "rcon-cli", "mcrcon"), _RCON),
}
# families of programs with similar names; mysqld and slapd take no password
_FAMILIES = (("mysql", _MYSQL), ("mariadb", _MYSQL), ("ldap", _LDAP), ("snmp", _SNMP))
_URL_FIRST = ("alias", "config")
_ADDRESS = Pattern(r"https?:|[$\x01]")


class Word(NamedTuple):
    """``label`` is the option, or the word before the arguments, that makes ``start`` to ``end`` a credential.
    ``is_last``: it ends with its word."""

    label: str
    start: int
    end: int
    is_last: bool = True


def credentials(view: str) -> Iterator[Word]:
    """The credentials in the arguments of known programs, whatever they look like, by program. Linear in the length."""
    read: dict[int, int] = {}
    for match in _PROGRAM.finditer(view):
        program = _program(match.group())
        # a program name in the arguments of the same program is one of its words
        if program is None or read.get(id(program), 0) > match.start():
            continue
        spans = list(_words(view, match.end()))
        if spans:
            read[id(program)] = spans[-1][1]
            yield from _of_program(view, match.group(), program, spans)


# commands repeat few words
@lru_cache(maxsize=4096)
def _program(name: str) -> Program | None:
    name = name.removesuffix(".exe").removesuffix(".sh")
    return _PROGRAMS.get(name) or next((one for family, one in _FAMILIES if name.startswith(family)), None)


def _words(view: str, position: int) -> Iterator[tuple[int, int]]:
    """The words that follow on the line, up to what ends a command."""
    for _ in range(_MOST_WORDS):
        gap = _GAP.match(view, position)
        word = _WORD.match(view, gap.end()) if gap is not None else None
        if word is None:
            return
        yield word.span()
        position = word.end()


def _of_program(view: str, name: str, program: Program, spans: list[tuple[int, int]]) -> Iterator[Word]:
    words = [view[slice(*_inner(view, *span))] for span in spans]
    plain: list[int] = []
    number = 0
    while number < len(words):
        word = words[number]
        option = _option(program, word)
        if option is None or (program.behind and program.behind not in words[:number]):
            if word in program.valued:
                number += 1
            elif not word.startswith("-") or any(word in place.of for place in program.places):
                plain.append(number)
            number += 1
            continue
        label, offset = option
        if offset < len(word):
            start, end = _inner(view, *spans[number])
            start += offset
        elif (program.apart or label.startswith("--")) and number + 1 < len(words):
            number += 1
            start, end = spans[number]
        else:
            number += 1
            continue
        yield from _value(view, label, start, end, program.pairs.get(label))
        number += 1
    for place in program.places:
        yield from _at_place(view, name, place, [(words[each], spans[each]) for each in plain])


def _option(program: Program, word: str) -> tuple[str, int] | None:
    """The option of ``program`` that a word is or begins with, and where the value starts: at the end if separate."""
    for option in (*program.secrets, *program.pairs):
        if word == option:
            return option, len(word)
        if option.startswith("--"):
            if word.startswith((f"{option}=", f"{option}:")):
                return option, len(option) + 1
            continue
        if len(option) > 2 or not word.startswith("-") or word.startswith("--"):
            continue
        letter = 1
        while letter < len(word) and word[letter] in program.flags and word[letter] != option[1]:
            letter += 1
        if word[letter : letter + 1] == option[1]:
            return option, letter + 1 + (word[letter + 1 : letter + 2] == "=")
    return None


def _at_place(view: str, name: str, place: Place, plain: list[tuple[str, tuple[int, int]]]) -> Iterator[Word]:
    texts = [text for text, _ in plain]
    size = len(place.of)
    first = next((n for n in range(len(texts) - size + 1) if tuple(texts[n : n + size]) == place.of), None)
    if first is None:
        return
    number = first + size + place.number - 1
    if place.of in {("auth",), ("AUTH",)} and number + 1 < len(texts):
        # preceded by a user name
        number += 1
    if number >= len(texts):
        return
    if name in _URL_FIRST and not _ADDRESS.match(texts[number - 2]):
        return
    if _ASSIGNED.match(texts[number]) and place.pair is None:
        return
    label = f"{name} {place.of[-1]}" if name in _URL_FIRST else place.of[-1] if place.of else name
    yield from _value(view, label, *plain[number][1], place.pair)


def _value(view: str, label: str, start: int, end: int, pair: Pattern | None) -> Iterator[Word]:
    start, end = _inner(view, start, end)
    if pair is not None:
        found = pair.match(view[start:end])
        if found is None:
            return
        start, end = start + found.start("value"), start + found.end("value")
        start, end = _inner(view, start, end)
    if start < end:
        yield Word(label, start, end, pair is not _USER_SLASH)


def _inner(view: str, start: int, end: int) -> tuple[int, int]:
    """The content of a word's quotes, without the end of a substitution around it."""
    for quote in _QUOTES:
        if view.startswith(quote, start, end) and view.endswith(quote, start + len(quote), end):
            return start + len(quote), end - len(quote)
    text = view[start:end]
    if text.endswith('\\"') and text.count('\\"') == 1:
        # it belongs to the text that contains the command
        end -= 2
    elif text.endswith((")", "`")) and not any(sign in text[:-1] for sign in "(`$"):
        end -= 1
    return start, end
