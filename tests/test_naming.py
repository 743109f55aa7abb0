"""Names of new secrets, and the style of those that are there."""

from __future__ import annotations

import pytest

from dsec_migrate.planning.naming import Style, Wanted, name_groups, style_of


@pytest.mark.parametrize(
    ("text", "snake", "upper", "kebab"),
    [
        ("POSTGRES_PASSWORD", "postgres_password", "POSTGRES_PASSWORD", "postgres-password"),
        ("smtpPassword", "smtp_password", "SMTP_PASSWORD", "smtp-password"),
        ("spring.datasource.password", "spring_datasource_password", "SPRING_DATASOURCE_PASSWORD", None),
        ("DB__Connection", "db_connection", "DB_CONNECTION", "db-connection"),
        ("back-office", "back_office", "BACK_OFFICE", "back-office"),
        ("_TOKEN_", "token", "TOKEN", "token"),
        ("S3Key", "s3_key", "S3_KEY", "s3-key"),
        ("___", "secret", "SECRET", "secret"),
    ],
)
def test_spelling(text: str, snake: str, upper: str, kebab: str | None) -> None:
    assert Style().spell(text) == snake
    assert Style("UPPER_SNAKE_CASE").spell(text) == upper
    assert Style("kebab-case").spell(text) == (kebab or snake.replace("_", "-"))


@pytest.mark.parametrize(
    ("existing", "directory", "expected"),
    [
        ({}, None, Style()),
        ({}, "../keys", Style(directory="../keys")),
        ({"db_password": "./config/db_password"}, None, Style(directory="./config", suffix="")),
        ({"db_password": "db_password.secret"}, None, Style(directory=".", suffix=".secret")),
        ({"db-password": "./secrets/db-password.txt"}, None, Style("kebab-case")),
        ({"DB_PASSWORD": "./secrets/DB_PASSWORD.txt"}, None, Style("UPPER_SNAKE_CASE")),
        ({"password": "./s/password"}, None, Style(directory="./s", suffix="")),
        ({"a_b": "./x/a_b", "c_d": "./y/c_d", "e_f": "./y/e_f"}, None, Style(directory="./y", suffix="")),
        ({"a_b": "./x/other_name.txt"}, None, Style(directory="./x")),
        ({"a_b": "./x/a_b"}, "./z", Style(directory="./z", suffix="")),
        ({"tls_key": "./tls/tls_key.pem"}, None, Style()),
        ({"tls_key": "./tls/tls_key.pem", "a_b": "./x/a_b"}, None, Style(directory="./x", suffix="")),
        ({"a-b": None, "c_d": None, "e-f": None}, None, Style("kebab-case")),
    ],
)
def test_style_of_what_is_there(existing: dict[str, str | None], directory: str | None, expected: Style) -> None:
    definitions = {name: {"file": file} if file else {"external": True} for name, file in existing.items()}
    assert style_of(definitions, directory) == expected


@pytest.mark.parametrize(
    ("wanted", "taken", "expected"),
    [
        ([("TOKEN", "a")], set(), ["token"]),
        ([("TOKEN", "a"), ("TOKEN", "b")], set(), ["a_token", "b_token"]),
        ([("TOKEN", "a"), ("PASSWORD", "a"), ("TOKEN", "b")], set(), ["a_token", "password", "b_token"]),
        ([("TOKEN", "a"), ("token", "a")], set(), ["a_token", "a_token_2"]),
        ([("TOKEN", "a")], {"token"}, ["a_token"]),
        ([("TOKEN", "a")], {"token", "a_token"}, ["a_token_2"]),
        ([("TOKEN", "a")], {"token", "a_token", "a_token_2"}, ["a_token_3"]),
        ([("TOKEN", "a"), ("A_TOKEN", "b"), ("TOKEN", "c")], set(), ["a_token", "a_token_2", "c_token"]),
    ],
)
def test_names_are_distinct(wanted: list[tuple[str, str]], taken: set[str], expected: list[str]) -> None:
    groups = [Wanted(variable, service) for variable, service in wanted]
    assert name_groups(groups, Style(), lambda name, _: name in taken) == expected


def test_a_name_may_be_taken_for_some_values_only() -> None:
    """Of two files that Compose merges, both may define the same secret, but no other one of its name."""
    wanted = [Wanted("TOKEN", "a", "Teal"), Wanted("PASSWORD", "a", "Rail")]
    assert name_groups(wanted, Style(), lambda name, one: (name, one.value) == ("password", "Rail")) == [
        "token",
        "a_password",
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POSTGRES_PASSWORD", "password"),
        ("POSTGRES_PASSWORD", "POSTGRES_PASSWORD"),
        ("MINIOADMIN_SECRET", "minioadmin"),
        ("PASSWORD", "password"),
    ],
)
def test_no_name_tells_its_value(variable: str, value: str) -> None:
    (name,) = name_groups([Wanted(variable, "service", value)], Style(), lambda _name, _wanted: False)
    assert value.lower() not in name
    assert name
