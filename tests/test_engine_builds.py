"""Builds on the real engine: the same file tree before and after, and the secret in no layer and no history.

Small programs stand in for npm, pip, mvn, git, curl and apt-get: each checks a hash of what it was given, and says so
when that is missing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from conftest import docker, libraries, put

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options, SourceKind
from dsec_migrate.migrate import batch
from dsec_migrate.outcome import DONE

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

VALUE = "Larkspur-Hinge-41-Mullein-Gantry-84"
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{VALUE}\n-----END OPENSSH PRIVATE KEY-----\n"
# a key made up for these tests; whoever has it, or an agent that has it, can tell the public one
SSH_KEY = Path(__file__).parent / "fixtures" / "build-with-a-key-of-ssh" / "before" / "id_ed25519"
PUBLIC = "0000000b7373682d6564323535313900000020ac1b758affc5fc2f85880b265f399e48891aa75c51927b5b9012a2de598ff655"
TELL_PUBLIC = (
    "{ ssh-add -L | cut -d ' ' -f 2 | base64 -d; sed '/-----/d' /root/.ssh/id_ed25519 | base64 -d; }"
    " | od -An -v -tx1 | tr -d ' \\n' | grep -o '0000000b7373682d65643235353139.\\{72\\}' | head -n 1"
)


class Recipe(NamedTuple):
    """``dockerfile`` follows FROM and the stand-in; ``tool`` is what the stand-in is called, ``reads`` the shell that
    prints ``proof`` of what it was given; ``gone`` are files of the former image that were the secret itself. No byte
    of ``secret`` may stay. ``program`` is one of this host that ``reads`` needs."""

    dockerfile: str
    tool: str
    reads: str
    arguments: str = ""
    files: Mapping[str, str] = MappingProxyType({})
    gone: tuple[str, ...] = ()
    secret: str = VALUE
    proof: str = VALUE
    program: str = ""


RECIPES = {
    "npm-argument": Recipe(
        'ARG NPM_TOKEN\nWORKDIR /app\nRUN echo "//registry/:_authToken=${NPM_TOKEN}" > .npmrc && npm ci && rm .npmrc\n',
        "npm",
        "sed 's/.*=//' .npmrc",
        "NPM_TOKEN",
    ),
    "npm-file": Recipe(
        "WORKDIR /app\nCOPY .npmrc package.json ./\nRUN npm ci\n",
        "npm",
        "sed 's/.*=//' .npmrc",
        files={".npmrc": f"//registry/:_authToken={VALUE}\n", "package.json": "{}\n"},
        gone=("app/.npmrc",),
    ),
    "pip-url": Recipe(
        'ARG PIP_TOKEN\nRUN pip install --index-url "https://token:$PIP_TOKEN@pypi.example.com/simple" app\n',
        "pip",
        'echo "$3" | sed "s/.*token://; s/@.*//"',
        "PIP_TOKEN",
    ),
    "maven-settings": Recipe(
        "COPY settings.xml /root/.m2/settings.xml\nRUN mvn -B package\n",
        "mvn",
        "sed 's/.*<password>//; s/<.*//' /root/.m2/settings.xml",
        files={"settings.xml": f"<settings><server><password>{VALUE}</password></server></settings>\n"},
        gone=("root/.m2/settings.xml",),
    ),
    "git-over-ssh": Recipe(
        "COPY id_ed25519 /root/.ssh/id_ed25519\nRUN git clone ssh://git@git.example.com/tools.git\n",
        "git",
        "sed -n 2p /root/.ssh/id_ed25519",
        files={"id_ed25519": KEY},
        gone=("root/.ssh/id_ed25519",),
    ),
    "git-over-an-agent": Recipe(
        "COPY id_ed25519 /root/.ssh/id_ed25519\nRUN chmod 600 /root/.ssh/id_ed25519\n"
        "RUN git clone ssh://git@git.example.com/tools.git\n",
        "git",
        TELL_PUBLIC,
        files={"id_ed25519": SSH_KEY.read_text()},
        gone=("root/.ssh/id_ed25519", "root/.ssh"),
        secret=SSH_KEY.read_text().splitlines()[4],
        proof=PUBLIC,
        program="ssh-add",
    ),
    "netrc-as-a-user": Recipe(
        "RUN mkdir -p /home/builder && chown 1000 /home/builder\nUSER 1000\nWORKDIR /home/builder\nCOPY .netrc ./\n"
        "RUN curl -n https://packages.example.com > /tmp/got\n",
        "curl",
        "sed 's/.*password //' /home/builder/.netrc",
        files={".netrc": f"machine packages.example.com login me password {VALUE}\n"},
        gone=("home/builder/.netrc",),
    ),
    "apt-auth": Recipe(
        "COPY auth.conf /etc/apt/auth.conf\nRUN apt-get install -y tools\n",
        "apt-get",
        "sed 's/.*password //' /etc/apt/auth.conf",
        files={"auth.conf": f"machine deb.example.com login me password {VALUE}\n"},
        gone=("etc/apt/auth.conf",),
    ),
    "plain-argument": Recipe(
        "ARG LICENSE_PASSWORD\nRUN <<EOF\nunlock\nEOF\n", "unlock", 'echo "$LICENSE_PASSWORD"', "LICENSE_PASSWORD"
    ),
    "signs-that-begin-no-here-document": Recipe(
        'ARG LICENSE_PASSWORD\nRUN echo "cat <<END" > /usage && echo $((1<<SHIFT))\nRUN unlock > /licensed\nCMD\n',
        "unlock",
        'echo "$LICENSE_PASSWORD"',
        "LICENSE_PASSWORD",
    ),
    "a-here-document-behind-a-blank": Recipe(
        "ARG LICENSE_PASSWORD\nRUN sh << END > /licensed\nunlock\n# USER nobody\nEND\nENTRYPOINT\n",
        "unlock",
        'echo "$LICENSE_PASSWORD"',
        "LICENSE_PASSWORD",
    ),
    "argument-of-a-stage-that-another-begins-with": Recipe(
        "FROM busybox:stable AS tools\nCOPY bin /usr/local/bin\nARG LICENSE_PASSWORD\nRUN unlock > /licensed\n"
        "FROM tools AS more\nRUN mkdir /more\nFROM more\nRUN unlock > /more/licensed\n",
        "unlock",
        'echo "$LICENSE_PASSWORD"',
        "LICENSE_PASSWORD",
    ),
    "argument-that-nothing-names": Recipe(
        'ARG LICENSE_PASSWORD\nRUN ["unlock"]\nRUN env | grep ^LICENSE | sha256sum > /sum\n'
        'RUN ["/bin/sh", "-c", "unlock > /licensed"]\n',
        "unlock",
        'echo "$LICENSE_PASSWORD"',
        "LICENSE_PASSWORD",
    ),
    "file-of-an-earlier-stage": Recipe(
        "WORKDIR /app\nCOPY .npmrc package.json ./\nRUN npm ci\nFROM busybox:stable\nCOPY bin /usr/local/bin\n"
        "COPY --from=0 /app /srv/\nWORKDIR /srv\nRUN npm ci > /built\n",
        "npm",
        "sed 's/.*=//' .npmrc",
        files={".npmrc": f"//registry/:_authToken={VALUE}\n", "package.json": "{}\n"},
        gone=("srv/.npmrc",),
    ),
    "default-of-the-dockerfile": Recipe(
        f"ARG LICENSE_PASSWORD={VALUE}\nRUN unlock $LICENSE_PASSWORD > /licensed\n", "unlock", 'echo "$1"'
    ),
    "words-of-a-command": Recipe(
        f"RUN fetch --user me \\\n      --password {VALUE} > /fetched\n", "fetch", 'echo "$4"'
    ),
}


def lay_out(folder: Path, recipe: Recipe, image: str) -> None:
    """The project: the stand-in compares a hash, so that the value stands nowhere but where the recipe puts it."""
    digest = hashlib.sha256(f"{recipe.proof}\n".encode()).hexdigest()
    script = (
        f"#!/bin/sh\nsum=$({recipe.reads} 2>/dev/null | sha256sum | cut -c 1-64)\n"
        f'[ "$sum" = {digest} ] || {{ echo "{recipe.tool}: the credential is missing" >&2; exit 7; }}\necho done\n'
    )
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / recipe.tool).write_text(script)
    (folder / "bin" / recipe.tool).chmod(0o755)
    for name, content in recipe.files.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o644)
    (folder / "root").mkdir()
    if recipe.program:
        program = shutil.which(recipe.program)
        if program is None:
            pytest.skip(f"{recipe.program} is not installed here")
        put({Path(program), *libraries(Path(program))}, folder / "root")
    (folder / "Dockerfile").write_text(
        f"FROM busybox:stable\nCOPY bin /usr/local/bin\nCOPY root /\n{recipe.dockerfile}"
    )
    arguments = f"      args:\n        {recipe.arguments}: {VALUE}\n" if recipe.arguments else ""
    (folder / "compose.yml").write_text(
        f"services:\n  app:\n    image: {image}\n    build:\n      context: .\n{arguments}"
    )


def build(folder: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return docker("compose", "build", "--no-cache", "--progress", "plain", cwd=folder, **variables)


@contextmanager
def agent(folder: Path, recipe: Recipe) -> Iterator[dict[str, str]]:
    """The variable by which a builder finds an agent that has the recipe's key; none where it has no key."""
    if not recipe.program:
        yield {}
        return
    # a socket's path is short
    socket = Path("/tmp") / f"dsec-agent-{uuid.uuid4().hex[:8]}"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        key = folder / "key"
        key.write_text(recipe.files["id_ed25519"])
        key.chmod(0o600)
        for _ in range(50):
            added = subprocess.run(
                ["ssh-add", str(key)],
                env={**os.environ, "SSH_AUTH_SOCK": str(socket)},
                capture_output=True,
                check=False,
            )
            if added.returncode == 0:
                break
            time.sleep(0.1)
        yield {"SSH_AUTH_SOCK": str(socket)}
    finally:
        process.terminate()
        process.wait()
        socket.unlink(missing_ok=True)


def tree(image: str) -> dict[str, tuple[int, int, int, str]]:
    """The files of an image: mode, owner, group and a hash of the content."""
    container = docker("create", image).stdout.decode().strip()
    try:
        exported = docker("export", container).stdout
    finally:
        docker("rm", container)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            digest = hashlib.sha256(content.read()).hexdigest() if content is not None else member.linkname
            found[member.name] = (member.mode, member.uid, member.gid, digest)
    return found


def everything_saved(image: str, folder: Path) -> Iterator[bytes]:
    """All bytes of an image: its layers unpacked, its config, its history, and what inspect says."""
    file = folder / "image.tar"
    assert docker("save", "-o", str(file), image).returncode == 0
    with tarfile.open(file) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None:
                continue
            data = content.read()
            yield data
            try:
                with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                    for inner in layer:
                        part = layer.extractfile(inner) if inner.isfile() else None
                        if part is not None:
                            yield part.read()
            except tarfile.ReadError:
                continue
    yield docker("history", "--no-trunc", image).stdout
    yield docker("inspect", image).stdout


def write(folder: Path, options: Options | None = None) -> None:
    files = ProjectFiles((folder / "compose.yml",), folder)
    outcome = batch.run([files], options or Options(docker=False), shell={}, write=True)
    assert outcome.status() == DONE, [error.what for project in outcome.projects for error in project.errors]
    assert [finding.action.value for project in outcome.projects for finding in project.findings] == ["migrate"]


@pytest.fixture
def image() -> Iterator[str]:
    name = f"dsec-build-{uuid.uuid4().hex[:8]}"
    yield name
    docker("rmi", "-f", name)


@pytest.mark.parametrize("name", RECIPES)
def test_a_build_gives_the_same_image_without_the_secret(name: str, tmp_path: Path, image: str) -> None:
    recipe = RECIPES[name]
    folder = tmp_path / "project"
    lay_out(folder, recipe, image)
    before = build(folder)
    assert before.returncode == 0, before.stderr.decode()[-600:]
    old = tree(image)
    # the check below would find it
    assert any(recipe.secret.encode() in data for data in everything_saved(image, tmp_path))
    docker("rmi", "-f", image)
    write(folder)
    with agent(tmp_path, recipe) as variables:
        after = build(folder, **variables)
    assert after.returncode == 0, after.stderr.decode()[-600:]
    new = tree(image)
    changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    mount_points = {path for path in changed if new.get(path, (0, 0, 0, ""))[3] in {"", hashlib.sha256().hexdigest()}}
    assert changed - mount_points - set(recipe.gone) == set()
    assert not any(recipe.secret.encode() in data for data in everything_saved(image, tmp_path))


@pytest.mark.parametrize(
    "name", ["npm-argument", "npm-file", "git-over-an-agent", "plain-argument", "words-of-a-command"]
)
def test_without_the_secret_the_build_fails_and_says_so(name: str, tmp_path: Path, image: str) -> None:
    folder = tmp_path / "project"
    lay_out(folder, RECIPES[name], image)
    write(folder)
    compose = folder / "compose.yml"
    compose.write_text(re.split(r"\n      (?:secrets|ssh):", compose.read_text())[0] + "\n")
    result = build(folder)
    assert result.returncode != 0
    # where the builder's own words go depends on which of its streams is flushed first
    said = result.stdout + result.stderr
    assert b"not found" in said or b"secret" in said or b"ssh" in said, said[-600:]


def test_a_variable_of_the_shell_supplies_the_build(tmp_path: Path, image: str) -> None:
    folder = tmp_path / "project"
    lay_out(folder, RECIPES["npm-argument"], image)
    text = (folder / "compose.yml").read_text()
    (folder / "compose.yml").write_text(text.replace(f"NPM_TOKEN: {VALUE}", "NPM_TOKEN:"))
    write(folder, Options(source=SourceKind.ENVIRONMENT, docker=False))
    assert VALUE not in (folder / "compose.yml").read_text()
    result = docker("compose", "build", "--no-cache", cwd=folder, NPM_TOKEN=VALUE)
    assert result.returncode == 0, result.stderr.decode()[-600:]
    missing = docker("compose", "build", "--no-cache", cwd=folder)
    assert missing.returncode != 0


def test_a_dockerfile_alone_builds_with_the_line_that_is_told(tmp_path: Path, image: str) -> None:
    folder = tmp_path / "project"
    lay_out(folder, RECIPES["default-of-the-dockerfile"], image)
    (folder / "compose.yml").unlink()
    files = ProjectFiles((folder / "Dockerfile",), folder)
    outcome = batch.run([files], Options(docker=False), shell={}, write=True)
    assert outcome.status() == DONE
    (told,) = [note for note in outcome.projects[0].plan.notes if note.startswith("build it with: ")]
    words = told.removeprefix("build it with: ").split()
    assert words[:2] == ["docker", "build"]
    result = docker("build", "--no-cache", "-t", image, *words[2:], cwd=folder)
    assert result.returncode == 0, result.stderr.decode()[-600:]
    assert "licensed" in tree(image)
    assert json.loads(docker("inspect", image).stdout)[0]["Id"]
    assert not any(VALUE.encode() in data for data in everything_saved(image, tmp_path))
    assert os.listdir(folder / "secrets")  # noqa: PTH208
