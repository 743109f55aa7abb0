"""Is a repository that somebody hostile made still only data?

    python benchmarks/hostile.py [NAME ...]

Makes one small repository after the other, each of which tries to have a program started, a file elsewhere written, or
time and memory taken, and runs verbs and formats in it under ``strace``. Exit status 1 where a program was started
(git and docker with the words of this tool aside), something outside of the repository (and of the user's own cache and
state) was written, the bait was taken, a traceback was shown, or a call took more than five seconds of the processor.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

SECONDS = 5.0
COMPOSE = """\
services:
  db:
    image: mysql:8
    env_file: [a.env]
    environment:
      MYSQL_ROOT_PASSWORD: Whinchat-Sluice-44
  web:
    build: .
    environment: {API_TOKEN: "${API_TOKEN}"}
"""
FILES = {
    "compose.yml": COMPOSE,
    ".env": "API_TOKEN=Zk00qW9xLL7e\n",
    "a.env": "A_PASSWORD=Adit-Vellum-71\n",
    "Dockerfile": "FROM busybox\nARG A_TOKEN=Zk00qW9xLL8e\nRUN echo $A_TOKEN\n",
    ".gitignore": "x\n",
}
# of a key that is made anew each time
RECIPIENT = "RECIPIENT"
CALLS = (
    ("--check", "."),
    ("--format", "json", "--strict", "."),
    ("--format", "html", "--diff", "side-by-side", "--templates", "."),
    ("--format", "sarif", "--source", "environment", "--unknown", "wrap", "compose.yml"),
    ("audit", "."),
    ("status", "."),
    ("fill", "."),
    ("lock", "."),
    ("push", "--to", "kubernetes", "."),
    ("--format", "gitlab", "--mount", "volume", "."),
    ("--format", "github", "--source", "external", "--stack-output", "stack.yml", "."),
    ("--format", "junit", "--source", "vault", "--fix", "."),
    ("--format", "markdown", "--safe", "--no-exceptions", "."),
    ("audit", "--format", "sarif", "--strict", "."),
    ("images", "mysql"),
    ("--write", "--harden", "networks", "--harden", "mounts", "--prune-env", "--templates", "."),
    ("status", "--check", "."),
    ("fill", "--stdin", "--write", "."),
    ("rotate", "mysql_root_password", "--generate", "32", "--write", "."),
    ("rotate", "mysql_root_password", "--abort", "--write", "."),
    ("lock", "--encrypt-to", RECIPIENT, "--write", "."),
    ("unlock", "--write", "."),
    ("push", "--to", "kubernetes", "--write", "."),
    ("pull", "--from", "vault", "--write", "."),
    ("undo", "--write", "."),
    ("undo", "--forget", "--write", "."),
)


class Place(NamedTuple):
    """``repository`` is what the call sees; ``outside`` is not its business."""

    repository: Path
    outside: Path

    def put(self, name: str, text: str = "", *, link: str | Path | None = None) -> None:
        path = self.repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.is_file():
            path.unlink()
        if link is not None:
            path.symlink_to(link)
        else:
            path.write_text(text, "utf-8", "surrogatepass")

    @property
    def bait(self) -> str:
        """A command that leaves a trace."""
        return f"touch {self.outside}/TAKEN"

    def git(self, *words: str) -> None:
        command = ["git", "-C", str(self.repository), "-c", "user.name=x", "-c", "user.email=x@example.com", *words]
        subprocess.run(command, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("init", "-q")
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "-m", "x")


Make = Callable[[Place], None]
KINDS: dict[str, Make] = {}


def kind(name: str, make: Make) -> None:
    KINDS[name] = make


def _with_setting(key: str, attribute: str = "") -> Make:
    def make(place: Place) -> None:
        place.commit()
        if attribute:
            place.put(".gitattributes", f"* {attribute}\n")
        section, _, name = key.rpartition(".")
        head, _, inner = section.partition(".")
        title = f'[{head} "{inner}"]' if inner else f"[{head}]"
        with (place.repository / ".git" / "config").open("a") as file:
            file.write(f'{title}\n\t{name} = "{place.bait} #"\n')

    return make


for _key, _attribute in (
    ("core.fsmonitor", ""),
    ("core.hooksPath", ""),
    ("core.pager", ""),
    ("core.editor", ""),
    ("core.sshCommand", ""),
    ("core.gitProxy", ""),
    ("core.askPass", ""),
    ("diff.external", ""),
    ("diff.x.textconv", "diff=x"),
    ("diff.x.command", "diff=x"),
    ("filter.x.clean", "filter=x"),
    ("filter.x.process", "filter=x"),
    ("credential.helper", ""),
    ("gpg.program", ""),
    ("pager.log", ""),
    ("alias.status", ""),
    ("uploadpack.packObjectsHook", ""),
):
    kind(f"git setting {_key}", _with_setting(_key, _attribute))


def _hooks(place: Place) -> None:
    place.commit()
    for name in ("post-checkout", "pre-commit", "post-index-change", "fsmonitor-watchman", "reference-transaction"):
        hook = place.repository / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\n{place.bait}\n")
        hook.chmod(0o755)


def _lazy_fetch(place: Place) -> None:
    place.commit()
    with (place.repository / ".git" / "config").open("a") as file:
        file.write(
            "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = x\n"
            f'[remote "x"]\n\turl = "ext::sh -c {place.bait.replace(" ", "% ")}"\n\tpromisor = true\n'
            "[protocol]\n\tallow = always\n"
        )
    for folder in (place.repository / ".git" / "objects").glob("[0-9a-f][0-9a-f]"):
        for one in sorted(folder.iterdir())[:1]:
            one.unlink()


def _bare(place: Place) -> None:
    for name in ("objects", "refs"):
        (place.repository / name).mkdir()
    place.put("HEAD", "ref: refs/heads/main\n")
    place.put("config", f'[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsmonitor = "{place.bait} #"\n')


def _bare_with_tree(place: Place) -> None:
    _bare(place)
    place.put("config", f'[core]\n\tbare = false\n\tworktree = "."\n\tfsmonitor = "{place.bait} #"\n')


def _gitfile(place: Place) -> None:
    other = place.repository / "nested"
    other.mkdir()
    inner = Place(other, place.outside)
    inner.put("x", "x")
    _with_setting("core.fsmonitor")(inner)
    place.put(".git", "gitdir: nested/.git\n")


def _gitlink(place: Place) -> None:
    inner = Place(place.outside / "elsewhere", place.outside)
    inner.put("x", "x")
    _with_setting("core.fsmonitor")(inner)
    place.put(".git", link=inner.repository / ".git")


def _submodule(place: Place) -> None:
    place.commit()
    inner = Place(place.repository / "module", place.outside)
    inner.put("x", "x")
    _with_setting("core.fsmonitor")(inner)
    place.put(
        ".gitmodules",
        f'[submodule "m"]\n\tpath = module\n\turl = "ext::sh -c {place.bait}"\n\tupdate = !{place.bait}\n',
    )
    place.git("add", "-f", ".gitmodules")


for _name, _make in {
    "git hooks": _hooks,
    "git lazy fetch": _lazy_fetch,
    "git bare repository": _bare,
    "git bare repository with a tree": _bare_with_tree,
    "git file that leads to another": _gitfile,
    "git folder that is a link": _gitlink,
    "git submodule": _submodule,
}.items():
    kind(_name, _make)


def _link(name: str, target: str) -> Make:
    def make(place: Place) -> None:
        path = place.repository / name
        if path.is_dir():
            shutil.rmtree(path)
        place.put(name, link=place.outside / target)

    return make


for _name, _target in {
    "secrets": "folder",
    "secrets/.undo": "folder",
    "secrets/.gitignore": "file",
    "secrets/mysql_root_password.txt": "absent",
    "secrets/.undo/1": "folder",
    "secrets/.journal": "folder",
    "secrets/.journal/lock": "file",
    "secrets/.journal/key": "file",
    "secrets/.journal/runs.json": "absent",
    "secrets/.ledger": "folder",
    "secrets/.ledger/secrets.json": "absent",
    "secrets/mysql_root_password.txt.age": "absent",
    "secrets/.age-recipients": "file",
    "secrets/README.md": "absent",
    ".gitignore": "file",
    ".dockerignore": "file",
    ".env": "dotenv",
    "a.env": "dotenv",
    ".env.example": "absent",
    "compose.yml": "compose",
    "compose.override.yml": "compose",
    "Dockerfile": "file",
    "dsec-migrate.toml": "file",
    "kubernetes": "folder",
}.items():
    kind(f"link {_name}", _link(_name, _target))


def _pipe(name: str) -> Make:
    def make(place: Place) -> None:
        path = place.repository / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        os.mkfifo(path)

    return make


for _name in (
    "compose.yml", "compose.override.yml", ".env", "a.env", ".gitignore", ".dockerignore", "Dockerfile",
    "dsec-migrate.toml", "secrets/mysql_root_password.txt", ".env.example",
):  # fmt: skip
    kind(f"pipe {_name}", _pipe(_name))


def _text(name: str, text: str | Callable[[Place], str]) -> Make:
    return lambda place: place.put(name, text if isinstance(text, str) else text(place))


def _doubling() -> str:
    return "V0=aaaaaaaaaa\n" + "".join(f"V{n}=${{V{n - 1}}}${{V{n - 1}}}\n" for n in range(1, 40)) + "API_TOKEN=$V39\n"


def _service(text: str) -> str:
    return f"services: {{a: {{image: x, {text}}}}}\n"


_TEXTS: dict[str, tuple[str, str | Callable[[Place], str]]] = {
    "device env file": ("compose.yml", _service("env_file: /dev/zero")),
    "device include": ("compose.yml", "include: [/dev/zero]\n" + COMPOSE),
    "device extends": ("compose.yml", _service("extends: {file: /dev/zero, service: x}")),
    "device config": ("compose.yml", COMPOSE + "configs: {c: {file: /dev/zero}}\nsecrets: {s: {file: /dev/zero}}\n"),
    "proc env file": ("compose.yml", _service("env_file: [/proc/self/environ, /proc/kmsg, /proc/self/mem]")),
    "remote include git": ("compose.yml", "include: ['https://127.0.0.1:1/x.git']\n" + COMPOSE),
    "remote include ssh": ("compose.yml", "include: ['git@127.0.0.1:x/y.git', 'ssh://127.0.0.1/x']\n" + COMPOSE),
    "remote include oci": ("compose.yml", "include: ['oci://127.0.0.1:1/x']\n" + COMPOSE),
    "remote extends": ("compose.yml", _service("extends: {file: 'https://127.0.0.1:1/c.yml', service: x}")),
    "outside env file": ("compose.yml", lambda place: COMPOSE.replace("a.env", f"{place.outside}/dotenv")),
    "outside include": ("compose.yml", lambda place: f"include: [{place.outside}/compose]\n" + COMPOSE),
    "outside secret": ("compose.yml", lambda place: COMPOSE + f"secrets: {{s: {{file: {place.outside}/new}}}}\n"),
    "outside build": ("compose.yml", lambda place: COMPOSE.replace("build: .", f"build: {place.outside}")),
    "deep YAML": ("compose.yml", "x: " + "[" * 50_000 + "]" * 50_000),
    "deep references": ("compose.yml", _service('command: "' + "${A:-" * 20_000 + "x" + "}" * 20_000 + '"')),
    "many URLs": ("compose.yml", _service('healthcheck: {test: "' + "http://a:b@" * 2_000 + '"}')),
    "aliases": (
        "compose.yml",
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
    ),
    "extends chain": (
        "compose.yml",
        "services:\n" + "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(2000)) + "  s2000: {image: x}\n",
    ),
    "doubling values": (".env", _doubling()),
    "long line": (".env", "API_TOKEN=" + "a1" * 1_000_000 + "\n"),
    "large file": ("compose.yml", "#" * (20 * 2**20) + "\n" + COMPOSE),
    "deep settings": ("dsec-migrate.toml", "a = " + "[" * 20_000 + "]" * 20_000),
    "settings that except all": ("dsec-migrate.toml", '[[skip]]\nmatch = "*"\nreason = "x"\n'),
    "variables of Compose": (
        ".env",
        "COMPOSE_FILE=../outside/compose\nCOMPOSE_ENV_FILES=/dev/zero\nDOCKER_HOST=tcp://127.0.0.1:1\nPATH=.\n",
    ),
    "Dockerfile of another frontend": (
        "Dockerfile",
        "# syntax=127.0.0.1:1/evil\nFROM x\nADD https://127.0.0.1:1/x /\n",
    ),
    "Dockerfile of many lines": ("Dockerfile", "FROM x\n" + "RUN curl http://a:b@c \\\n && <<E\n" * 5_000),
    "NUL and broken text": ("compose.yml", "services: {a: {image: 'x\udcff\0'}}\n"),
    "deep journal": ("secrets/.journal/runs.json", "[" * 200_000),
    "deep ledger": ("secrets/.ledger/secrets.json", "[" * 200_000),
}
for _name, (_file, _content) in _TEXTS.items():
    kind(_name, _text(_file, _content))


def _many_includes(place: Place) -> None:
    for number in range(40):
        place.put(f"c{number}.yml", f"include: [./c{number + 1}.yml, ././c{number + 1}.yml]\n")
    place.put("c40.yml", COMPOSE)
    place.put("compose.yml", "include: [c0.yml]\n")


def _odd_names(place: Place) -> None:
    for name in (
        "a\x1b[2Jb",
        "a\nb",
        "a\u202eb",
        "-rf",
        "$(touch x)",
        "a;touch x",
        b"\xff\xfe".decode("utf-8", "surrogateescape"),
    ):
        place.put(f"{name}/compose.yml", COMPOSE)


def _docker_in_the_tree(place: Place) -> None:
    place.put(".docker/config.json", json.dumps({"credsStore": "evil", "currentContext": "evil"}))
    for name in ("docker", "git", "docker-credential-evil", "python3", "sh"):
        place.put(name, f"#!/bin/sh\n{place.bait}\n")
        (place.repository / name).chmod(0o755)
    for name in ("json.py", "ruamel.py", "typer.py", "sitecustomize.py", "dsec_migrate/__init__.py"):
        place.put(name, f"import os\nos.system({place.bait!r})\n")


def _journal(state: str, *, is_tracked: bool = False) -> Make:
    """As the tool writes it, with a key that fits: a run that was not finished, and changed files elsewhere."""

    def make(place: Place) -> None:
        key = "x" * 32

        def digest(name: str) -> str:
            return hmac.new(key.encode(), (place.outside / name).read_bytes(), hashlib.sha256).hexdigest()

        outside = "../../outside"
        run: dict[str, object] = {
            "number": 1, "state": state, "seconds": 1_700_000_000, "undoes": 0, "originals": True,
            "replaced": [{"path": f"{outside}/compose", "before": "0" * 64, "after": digest("compose"), "edits": []}],
            "created": [{"path": f"{outside}/dotenv", "content": digest("dotenv"), "secret": True}],
            "appended": [{"path": f"{outside}/file", "text": "somebody else\n", "new": False}],
            "removed": [{"path": f"{outside}/file", "content": digest("file")}],
            "folders": [f"{outside}/folder"], "uses": [], "project": ["../compose.yml"], "beside": [],
        }  # fmt: skip
        place.put("secrets/.journal/runs.json", json.dumps({"version": 1, "runs": [run]}))
        place.put("secrets/.journal/key", key)
        place.put("secrets/.undo/1/0", "services: {}\n")
        for folder in (".journal", ".undo", ".undo/1"):
            (place.repository / "secrets" / folder).chmod(0o700)
        for file in (".journal/runs.json", ".journal/key", ".undo/1/0"):
            (place.repository / "secrets" / file).chmod(0o600)
        if is_tracked:
            place.commit()

    return make


for _name, _make in {
    "many includes": _many_includes,
    "odd names": _odd_names,
    "docker, git and Python in the tree": _docker_in_the_tree,
}.items():
    kind(_name, _make)


for _state in ("prepared", "committed", "done"):
    kind(f"forged journal, {_state}", _journal(_state))
kind("forged journal in git", _journal("prepared", is_tracked=True))

# --- looking on ---

_CALLS = "execve,openat,open,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink"
_CALLS += ",symlinkat,chmod,fchmodat,truncate"
_STARTED = re.compile(r'execve\("([^"]+)", (\[.*\]), .* = 0$')
_OPENED = re.compile(r"open(?:at)?\(.*\bO_(?:WRONLY|RDWR|CREAT)\b.* = \d+<([^>]*)>$")
_CHANGED = re.compile(rf"(?:{'|'.join(_CALLS.split(',')[3:])})\((.*)\) = 0$")
_PATH = re.compile(r'(?:[\w-]+<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
_UNFINISHED, _RESUMED = re.compile(r"(.*) <unfinished \.\.\.>$"), re.compile(r"<\.\.\. \w+ resumed>(.*)")
# before the command: what keeps a repository from naming a program, and then the repository itself
GIT_SETTINGS = [
    "safe.bareRepository=explicit", "core.fsmonitor=", "core.hooksPath=/dev/null", "core.pager=", "core.askPass=",
    "core.sshCommand=", "core.gitProxy=", "credential.helper=", "gpg.program=", "protocol.allow=never",
]  # fmt: skip
GIT_COMMANDS = {
    "--literal-pathspecs": ("ls-files", "-z", "--"),
    "ls-files": ("--others", "--ignored", "--exclude-standard", "--directory", "-z"),
    "check-ignore": ("-z", "--stdin"),
    "diff": ("--cached", "--name-only", "--no-ext-diff", "--no-textconv", "--submodule=short", "-O/dev/null"),
    "config": ("--get-all", "-z", "--type=path", "safe.directory"),
    "grep": ("--no-textconv", "--no-recurse-submodules", "-f", "-"),
    "log": ("--no-show-signature", "--no-ext-diff", "--no-textconv", "--submodule=short"),
}
_DOCKER_COMMANDS = (["image", "ls", "--digests", "--format"], ["image", "inspect", "--format"])


def is_ours(words: list[str]) -> bool:
    """Whether a program was started with the words that this tool has for it, and with nothing of a repository before
    them."""
    name, *rest = words
    if Path(name).name == "docker":
        return any(rest[: len(own)] == own for own in _DOCKER_COMMANDS) and not rest[-1].startswith("-")
    hardened = ["--no-pager", *(word for setting in GIT_SETTINGS for word in ("-c", setting))]
    if Path(name).name != "git" or rest[: len(hardened)] != hardened:
        return False
    rest = rest[len(hardened) :]
    if rest[:1] != ["--git-dir"] or (rest[2:3] != ["--work-tree"] and rest[1:3] != ["/dev/null", "config"]):
        return False
    command, *rest = rest[4 if rest[2] == "--work-tree" else 2 :] or [""]
    return command in GIT_COMMANDS and all(word in rest for word in GIT_COMMANDS[command])


def _whole(trace: str) -> Iterator[str]:
    """The calls without the process, those that another one came between put together."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        process, _, text = line.partition(" ")
        text = text.lstrip()
        if unfinished := _UNFINISHED.match(text):
            begun[process] = unfinished[1]
        elif resumed := _RESUMED.match(text):
            yield begun.pop(process, "") + resumed[1]
        else:
            yield text
    # a call that nobody saw the end of may have had its effect
    yield from (f"{text}) = 0" for text in begun.values())


def wrong_in(trace: str, folders: tuple[Path, ...]) -> Iterator[str]:
    """What a trace shows that nobody asked for. Writing is allowed below ``folders``."""
    allowed = tuple(f"{os.path.realpath(folder)}/" for folder in folders)
    is_first = True
    for text in _whole(trace):
        if started := _STARTED.match(text):
            if not is_first and not is_ours(ast.literal_eval(re.sub(r'"\.\.\.', '"', started[2]))):
                yield f"started {started[1]} {started[2]}"
            is_first = False
        elif opened := _OPENED.match(text):
            path = opened[1]
            if not f"{path}/".startswith(allowed) and not path.startswith(("/dev/", "/proc/self/", "pipe:")):
                yield f"opened {path} to write"
        elif changed := _CHANGED.match(text):
            for folder, name in _PATH.findall(changed[1]):
                path = Path(folder or "/", name.encode().decode("unicode_escape"))
                place = f"{os.path.realpath(path.parent)}/{path.name}"
                if not place.startswith(allowed) and f"{place}/" not in allowed:
                    yield f"changed {path}"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
        if ".git" not in path.parts
    }


def _made_key(file: Path) -> str:
    """The recipient of a new key in ``file``; without the library of age, no recipient."""
    try:
        from pyrage import x25519
    except ImportError:
        return RECIPIENT
    key = x25519.Identity.generate()
    file.write_text(f"{key}\n")
    return str(key.to_public())


def problems(make: Make, calls: tuple[tuple[str, ...], ...] = CALLS) -> Iterator[str]:
    """What goes wrong in a repository that ``make`` makes, call by call."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        top = Path(name)
        place = Place(top / "repository", top / "outside")
        home, temporary = top / "home", top / "temporary"
        for folder in (place.repository, place.outside / "folder", home, temporary):
            folder.mkdir(parents=True)
        for file, text in {
            "file": "of somebody else\n",
            "dotenv": "API_TOKEN=Zk00qW9xLL9e\n",
            "compose": COMPOSE,
        }.items():
            (place.outside / file).write_text(text)
        for file, text in FILES.items():
            place.put(file, text)
        make(place)
        before = snapshot(place.outside)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AGE_IDENTITY": str(home / "identity"),
        }
        recipient = _made_key(home / "identity")
        for call in calls:
            words = tuple(recipient if word is RECIPIENT else word for word in call)
            trace = top / "trace"
            command = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", f"trace={_CALLS}", "-o", str(trace)]
            command += [str(Path(sys.executable).with_name("dsec-migrate")), *words]
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            try:
                said = subprocess.run(
                    command, cwd=place.repository, env=environment, capture_output=True, timeout=120,
                    stdin=subprocess.DEVNULL, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                yield f"{' '.join(words)}: does not end"
                return
            now = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
            told = said.stdout + said.stderr
            found = list(
                dict.fromkeys(wrong_in(trace.read_text("utf-8", "replace"), (place.repository, home, temporary)))
            )
            found += ["a traceback"] if b"Traceback" in told else []
            found += ["an internal error"] if b"internal error" in told else []
            found += [f"ended with {said.returncode}"] if said.returncode not in {0, 1, 2, 3} else []
            found += [f"took {spent:.1f} s"] if spent > SECONDS else []
            found += ["changed what is outside"] if snapshot(place.outside) != before else []
            yield from (f"{' '.join(words)}: {one}" for one in found)


def main() -> int:
    if shutil.which("strace") is None:
        sys.stdout.write("there is no strace here: nobody could look on\n")
        return 2
    is_bad = False
    wanted = sys.argv[1:] or list(KINDS)
    for name in wanted:
        found = list(problems(KINDS[name]))
        is_bad = is_bad or bool(found)
        lines = [f"{'BAD ' if found else 'ok  '} {name}", *found]
        sys.stdout.write("\n       ".join(lines) + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(wanted)} repositories, {len(CALLS)} calls in each\n")
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main())
