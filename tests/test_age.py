"""Encrypted files for git: both ways with Debian's ``age``, and every value comes back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_stores import VALUES, files, run
from test_stores import project as project

from dsec_migrate.stores import age
from dsec_migrate.text.secret import Secret

pyrage = pytest.importorskip("pyrage")
PROGRAM = shutil.which("age")


def identity(folder: Path, name: str = "key.txt") -> str:
    """Writes a new identity into a file; its public key."""
    made = pyrage.x25519.Identity.generate()
    (folder / name).write_text(f"# created for a test\n{made}\n")
    return str(made.to_public())


IDENTITY = pyrage.x25519.Identity.generate()


@settings(max_examples=examples(200), deadline=None)
@given(content=st.binary(max_size=300))
def test_every_content_comes_back(content: bytes) -> None:
    text = age.encrypt(content, [str(IDENTITY.to_public())])
    assert text.startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    assert age.decrypt(text.encode(), [Secret(str(IDENTITY))], Path("x")) == content


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key.txt"
    path.write_text(str(IDENTITY))
    return path


@pytest.mark.skipif(PROGRAM is None, reason="the program age is not installed here")
@settings(max_examples=examples(60), deadline=None)
@given(content=st.binary(max_size=300))
def test_every_content_comes_back_through_the_program_age(key_file: Path, content: bytes) -> None:
    assert PROGRAM is not None
    text = age.encrypt(content, [str(IDENTITY.to_public())])
    told = subprocess.run([PROGRAM, "-d", "-i", str(key_file)], input=text.encode(), capture_output=True, check=True)
    assert told.stdout == content
    made = subprocess.run([PROGRAM, "-r", str(IDENTITY.to_public())], input=content, capture_output=True, check=True)
    assert age.decrypt(made.stdout, [Secret(str(IDENTITY))], Path("x")) == content


def test_locked_values_are_unlocked_in_a_fresh_clone(project: Path, tmp_path: Path) -> None:
    key = identity(tmp_path)
    before = files(project)
    assert "nothing written" in run(project, "lock", "--encrypt-to", key)
    assert files(project) == before
    run(project, "lock", "--encrypt-to", key, "--write")
    locked = files(project)
    assert set(locked) - set(before) == {
        ".gitignore",
        "secrets/.age-recipients",
        *(f"secrets/{name}.txt.age" for name in VALUES),
    }
    assert locked["secrets/.age-recipients"] == f"{key}\n".encode()
    # what is done is not done anew, which would change every file
    assert "encrypted already" in run(project, "lock", "--write")
    assert files(project) == locked
    clone = tmp_path / "clone"
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    subprocess.run(["git", "-C", str(project), "add", "."], check=True)
    named = subprocess.run(["git", "-C", str(project), "ls-files"], capture_output=True, text=True, check=True)
    tracked = named.stdout.split()
    assert sorted(tracked) == sorted(name for name in locked if not name.endswith(".txt"))
    for name in tracked:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes(locked[name])
    run(clone, "unlock", "--identity", str(tmp_path / "key.txt"))
    assert not list((clone / "secrets").glob("*.txt"))
    run(clone, "unlock", "--write", variables={"AGE_IDENTITY": str(tmp_path / "key.txt")})
    for name, value in VALUES.items():
        assert (clone / "secrets" / f"{name}.txt").read_bytes() == value.encode()
    # of the token nothing tells that the image reads it before it drops root
    modes = {file.name: file.stat().st_mode & 0o777 for file in (clone / "secrets").glob("*.txt")}
    assert modes == {"db_password.txt": 0o600, "api_token.txt": 0o444}
    assert "encrypted already" in run(clone, "lock", "--write")


def test_what_is_unlocked_in_the_reach_of_git_is_told(project: Path, tmp_path: Path) -> None:
    run(project, "lock", "--encrypt-to", identity(tmp_path), "--write")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    file, key = project / "secrets" / "api_token.txt", str(tmp_path / "key.txt")
    file.unlink()
    assert "warning" not in run(project, "unlock", "--identity", key, "--write")
    (project / ".gitignore").write_text("/secrets/db_*.txt\n")
    file.unlink()
    said = " ".join(run(project, "unlock", "--identity", key, "--write").split())
    assert "warning: git does not ignore secrets/api_token.txt" in said


def test_a_migration_keeps_its_values_encrypted_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "wiki"
    (folder / "secrets").mkdir(parents=True)
    value = VALUES["db_password"]
    (folder / "compose.yml").write_text(
        f"services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: {value}\n"
    )
    (folder / ".gitignore").write_text("node_modules/\nsecrets/\n*.log")
    key = identity(tmp_path)
    before = files(folder)
    told = run(folder, "--encrypt-to", key, "--encrypt-to", key)
    assert "secrets/postgres_password.txt.age" in told
    assert files(folder) == before
    run(folder, "--encrypt-to", key, "--write")
    written = files(folder)
    assert written[".gitignore"].decode().splitlines() == [
        "node_modules/",
        "*.log",
        "/secrets/*",
        "!/secrets/*.age",
        "!/secrets/.age-recipients",
    ]
    assert written["secrets/.age-recipients"] == f"{key}\n".encode()
    (folder / "secrets" / "postgres_password.txt").unlink()
    run(folder, "unlock", "--identity", str(tmp_path / "key.txt"), "--write")
    assert (folder / "secrets" / "postgres_password.txt").read_text() == value
    assert "not an age recipient" in run(folder, "--encrypt-to", "nonsense", status=2)


def test_another_value_or_another_recipient_is_encrypted_anew(project: Path, tmp_path: Path) -> None:
    run(project, "lock", "--encrypt-to", identity(tmp_path), "--write")
    first = files(project)
    (project / "secrets" / "api_token.txt").write_text("another")
    run(project, "lock", "--write")
    second = files(project)
    assert second["secrets/db_password.txt.age"] == first["secrets/db_password.txt.age"]
    assert second["secrets/api_token.txt.age"] != first["secrets/api_token.txt.age"]
    run(project, "lock", "--encrypt-to", identity(tmp_path, "second.txt"), "--write")
    assert files(project)["secrets/db_password.txt.age"] != first["secrets/db_password.txt.age"]
    (project / "secrets" / "db_password.txt").unlink()
    run(project, "unlock", "--identity", str(tmp_path / "second.txt"), "--write")
    assert (project / "secrets" / "db_password.txt").read_text() == VALUES["db_password"]


def test_a_plain_value_is_never_replaced(project: Path, tmp_path: Path) -> None:
    run(project, "lock", "--encrypt-to", identity(tmp_path), "--write")
    (project / "secrets" / "api_token.txt").write_text("newer")
    before = files(project)
    result = run(project, "unlock", "--identity", str(tmp_path / "key.txt"), "--write", status=2)
    assert "contain other values; nothing was written" in result
    assert files(project) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lock", "--write"), "there are no recipients to encrypt for"),
        (("lock", "--encrypt-to", "age1bad", "--write"), "not an age recipient: age1bad"),
        (("unlock", "--write"), "no identity to decrypt with"),
        (("unlock", "--identity", "missing", "--write"), "cannot read the identity"),
        (("unlock", "--identity", "compose.yml", "--write"), "invalid age identity"),
    ],
)
def test_what_cannot_be_done_changes_nothing(project: Path, words: tuple[str, ...], told: str) -> None:
    before = files(project)
    assert told in run(project, *words, status=2)
    assert files(project) == before


def test_a_wrong_identity_and_a_damaged_file_are_told(project: Path, tmp_path: Path) -> None:
    run(project, "lock", "--encrypt-to", identity(tmp_path), "--write")
    identity(tmp_path, "other.txt")
    (project / "secrets" / "api_token.txt").unlink()
    before = files(project)
    for file in ("other.txt", "key.txt"):
        result = run(project, "unlock", "--identity", str(tmp_path / file), "--write", status=2)
        assert "no identity decrypts it, or it is damaged" in result
        assert files(project) == before
        damaged = project / "secrets" / "db_password.txt.age"
        damaged.write_bytes(damaged.read_bytes()[:-60])
        before = files(project)


@pytest.mark.skipif(PROGRAM is None, reason="the program age is not installed here")
def test_the_program_age_reads_ours_and_writes_for_us(project: Path, tmp_path: Path) -> None:
    assert PROGRAM is not None
    key = identity(tmp_path)
    run(project, "lock", "--encrypt-to", key, "--write")
    file = project / "secrets" / "api_token.txt.age"
    told = subprocess.run([PROGRAM, "-d", "-i", str(tmp_path / "key.txt"), str(file)], capture_output=True, check=True)
    assert told.stdout == VALUES["api_token"].encode()
    for words in ((), ("-a",)):
        (project / "secrets" / "api_token.txt").unlink()
        content = b"by age\n"
        subprocess.run([PROGRAM, "-r", key, *words, "-o", str(file)], input=content, check=True)
        run(project, "unlock", "--identity", str(tmp_path / "key.txt"), "--write")
        assert (project / "secrets" / "api_token.txt").read_bytes() == content


def test_a_key_of_ssh_is_a_recipient_too(project: Path, tmp_path: Path) -> None:
    keygen = shutil.which("ssh-keygen")
    if keygen is None:
        pytest.skip("ssh-keygen is not installed here")
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")], check=True)
    run(project, "lock", "--encrypt-to", (tmp_path / "id.pub").read_text().strip(), "--write")
    (project / "secrets" / "api_token.txt").unlink()
    run(project, "unlock", "--identity", str(tmp_path / "id"), "--write")
    assert (project / "secrets" / "api_token.txt").read_bytes() == VALUES["api_token"].encode()


def test_a_file_elsewhere_is_encrypted_only_where_the_call_names_its_folder(project: Path, tmp_path: Path) -> None:
    """A link that a repository brings along does not decide which file of this host git gets."""
    key, elsewhere = identity(tmp_path), tmp_path / "home"
    elsewhere.mkdir()
    (elsewhere / "id").write_text("Sandpiper-Lattice-31")
    name = min(VALUES)
    (project / "secrets" / f"{name}.txt").unlink()
    (project / "secrets" / f"{name}.txt").symlink_to(elsewhere / "id")
    before = files(project)
    told = run(project, "lock", "--encrypt-to", key, "--write", status=2)
    assert f"the value of {name} is in a file outside the project" in told
    assert f"--allow {elsewhere}" in told
    assert files(project) == before
    told = run(project, "lock", "--encrypt-to", key, "--allow", str(elsewhere), "--write")
    # who will be able to read the values is told before they are written
    assert key in told
    assert f"secrets/{name}.txt.age" in files(project)
