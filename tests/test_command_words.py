"""Credentials among the words of programs: in every form that a command can hold one in, it is told and never shown."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import nursery
import pytest

from dsec_migrate.detectors import command_line
from dsec_migrate.detectors.judge import secret_parts

# no value that would be hidden wherever it stands
VALUE = "Zq8xv3"
FORMS = [
    # options
    "app --token {}",
    "app -token={}",
    "app --token={}",
    "app --token:{}",
    "app --token:'{}' run",
    "app /token:{} /verbose",
    "app /password={}",
    "app --Db:Password={}",
    "app --Db:Password {}",
    "app /Db:Password={}",
    "java -Dapp.password={} -jar app.jar",
    "java -DdbPassword:{} -jar app.jar",
    "app password={}",
    "app -c db_password={}",
    "srcds_run +rcon_password {} +map x",
    "srcds_run +set rcon_password {}",
    "redis-server --requirepass:{}",
    "helm upgrade shop ./shop --set a.b=1,c.password={}",
    "docker run -e PASSWORD={} -p 80:80 image",
    "PGPASSWORD={} psql -U app",
    "aws configure set aws_secret_access_key {}",
    "npm config set //registry.example.org/:_authToken {}",
    # options of known programs
    "curl -u keeper:{} http://web",
    "curl -ukeeper:{} http://web",
    "curl -fsSu keeper:{} http://web",
    "curl --proxy-user keeper:{} http://web",
    "sshpass -p {} ssh host",
    "sshpass -p{} ssh host",
    "mysql -uroot -p{}",
    "mongosh -uroot -p{} --eval x",
    "redis-cli -h cache -a {} ping",
    "redis-cli -h cache auth {}",
    "redis-cli auth keeper {}",
    "openssl enc -d -passin pass:{} -in x",
    "openssl enc -pass pass:{} -in x",
    "openssl enc -aes256 -k {} -in x",
    "mosquitto_sub -u keeper -P {} -t x",
    "ldapwhoami -x -D cn=admin -w{}",
    "sqlcmd -S localhost -U sa -P {} -Q x",
    "sqlplus -s system/{}@db",
    "cqlsh -u cassandra -p {} -e x",
    "helm registry login -u keeper -p {} registry",
    "smbclient -U keeper%{} //files/x",
    "lftp -u keeper,{} ftp.example.org",
    "7z x -p{} a.7z",
    "zip -P {} a.zip x",
    "unzip -P{} a.zip",
    "openssl passwd -6 {}",
    "gpg --batch --passphrase {} -c x",
    "ssh-keygen -t rsa -N {} -f x",
    "keytool -genkey -storepass {} -alias x",
    "keytool -genkey -alias x -keypass {}",
    "slappasswd -s {}",
    "wpa_passphrase home {}",
    "mkpasswd -m sha-512 {}",
    "etcdctl --user root:{} get x",
    "ttyd -c keeper:{} bash",
    "cypher-shell -u neo4j -p {} x",
    "airflow users create -u keeper -p {} -r Admin",
    # places among the words
    "rabbitmqctl add_user keeper {}",
    "rabbitmqctl change_password keeper {}",
    "rabbitmqctl -q authenticate_user keeper {}",
    "htpasswd -b /etc/users keeper {}",
    "mosquitto_passwd -b /etc/users keeper {}",
    "mc alias set store http://store:9000 keeper {}",
    "mc admin user add store keeper {}",
    "vault login {}",
    "rclone obscure {}",
    "neo4j-admin dbms set-initial-password {}",
    "ngrok config add-authtoken {}",
    # standard input
    "echo {} | docker login -u keeper --password-stdin",
    "echo keeper:{} | chpasswd",
    "printf 'keeper:%s\\n' {} | chpasswd",
    "echo {} | passwd --stdin keeper",
    "echo {} | gpg --batch --passphrase-fd 0 -c x",
    "echo {} | sudo -S true",
    "echo {} | smbpasswd -s -a keeper",
]
NONE = [
    "docker run -p 80:80 -u node:node image",
    "mysql -h db -p",
    "redis-cli -h cache -p 6379 ping",
    "psql -p 5432 -U app",
    "airflow webserver -p 8080",
    "rabbitmqctl status",
    "rabbitmqctl authenticate_user",
    "mc alias list",
    "mc alias set store",
    "htpasswd -b",
    "vault login -method=userpass username=keeper",
    "openssl enc -passin env:PASS -in x",
    "openssl enc -pass file:/run/secrets/x -in x",
    "set -e; exec app",
    "git config set user.name keeper",
    "app --token:$$TOKEN /password:$${PASSWORD}",
    "mysqladmin ping -p$$MYSQL_PASSWORD",
    "rabbitmqctl add_user $$NAME $$PASSWORD",
    "curl -u $$NAME:$$PASSWORD http://web",
    "curl http://token:80/x",
    "7z x -o/out a.7z",
    "ssh-keygen -t rsa -N '' -f x",
    "echo hello | tee /etc/passwd",
    "echo hello | sudo tee x",
    "echo $$PASSWORD | sudo -S true",
    "grep keeper /etc/passwd",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_credential_is_found_in_a_line_and_in_words(form: str) -> None:
    line = form.format(VALUE)
    for text in (line, " ".join(shlex.split(line))):
        assert [text[found.start : found.end] for found in command_line.find(text)] == [VALUE]
        assert VALUE in "".join(text[start:end] for start, end in secret_parts(text))


@pytest.mark.parametrize("line", NONE)
def test_what_is_none_is_not_found(line: str) -> None:
    assert command_line.find(line) == []


def test_each_is_told_and_never_shown_wherever_it_stands(tmp_path: Path) -> None:
    services: dict[str, object] = {}
    for number, form in enumerate(FORMS):
        line = form.format(VALUE)
        words = shlex.split(line)
        places: dict[str, dict[str, object]] = {
            "line": {"command": line},
            "words": {"command": words},
            "script": {"command": ["sh", "-c", line]},
            "entrypoint": {"entrypoint": words},
            "check": {"healthcheck": {"test": line}},
            "checked": {"healthcheck": {"test": ["CMD", *words]}},
        }
        # standard input is a shell's
        services.update(
            (f"{place}{number}", {"image": "busybox", **body})
            for place, body in places.items()
            if "|" not in line or place in {"script", "check"}
        )
    (tmp_path / "compose.yml").write_text(json.dumps({"services": services}, indent=1))
    shell = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_COLOR": "1"}
    ended = nursery.run(tmp_path, ("--format", "json", "--no-docker"), shell)
    told = {finding["service"] for finding in json.loads(ended.said)["findings"]}
    assert set(services) - told == set()
    for diff in ("unified", "semantic"):
        assert VALUE not in nursery.run(tmp_path, ("--diff", diff, "--no-docker"), shell).said


# a password with blanks and signs, which a word of a list may have
@pytest.mark.parametrize("words", [["--password", "{}"], ["--password={}"], ["/token:{}"], ["--auth=keeper:{}"]])
@pytest.mark.parametrize("value", ["a b c", "x;y", "it's", "p,q r", "(x)"])
def test_the_password_is_all_of_a_word_that_no_shell_sees(words: list[str], value: str, tmp_path: Path) -> None:
    command = ["postgres", *(word.format(value) for word in words), "end"]
    (tmp_path / "compose.yml").write_text(
        f"services:\n  app:\n    image: postgres:16\n    command: {json.dumps(command)}\n"
    )
    shell = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_COLOR": "1"}
    ended = nursery.run(tmp_path, ("--write", "--no-docker"), shell)
    assert value not in ended.said
    (secret,) = (tmp_path / "secrets").glob("*.txt")
    assert secret.read_text() == value


def test_a_password_at_its_place_is_found_whatever_it_equals(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services:\n  queue:\n    image: rabbitmq:3.13\n    environment:\n      RABBITMQ_DEFAULT_USER: app\n"
        "      RABBITMQ_DEFAULT_PASS: app\n    healthcheck:\n      test: rabbitmqctl authenticate_user app app\n"
    )
    shell = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_COLOR": "1"}
    assert "Traceback" not in nursery.run(tmp_path, ("--write", "--no-docker"), shell).said
    after = (tmp_path / "compose.yml").read_text()
    assert "test: rabbitmqctl authenticate_user app $$(cat /run/secrets/rabbitmq_default_pass)" in after
