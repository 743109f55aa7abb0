"""The report as one page: it is well made, needs nothing else, and holds no value."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import nursery
import pytest
from conftest import REPOSITORY
from test_fixtures import CASES, Case, _lay_out

from dsec_migrate.compose.project.mounted import Member
from dsec_migrate.config.options import Options
from dsec_migrate.outcome import Masks, Outcome, ProjectOutcome
from dsec_migrate.reports.formats import REPORTS
from dsec_migrate.reports.html_page import sheet
from dsec_migrate.reports.html_page.syntax import colour_of
from dsec_migrate.reports.look import View
from dsec_migrate.reports.shown import shown
from dsec_migrate.text.secret import MASK, Secret
from dsec_migrate.text.source import Rewritten, Source

STYLE = REPOSITORY / "dsec_migrate" / "reports" / "html_page" / "style.css"
PASSWORD, TOKEN, URL = "Larkspur-Hinge-41", "Mullein<Gantry>&'84", "Foxglove-Anvil-27"
COMPOSE = f"""\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: {PASSWORD}  # of: the "shop", & 100% <b>
  api:
    image: example.com/unheard-of
    environment:
      API_TOKEN: "{TOKEN}"
      DATABASE_URL: postgres://shop:{URL}@db/shop
      OTHER_TOKEN: ${{OTHER_TOKEN}}
    secrets: [smtp]
  web:
    image: nginx:1.27
secrets:
  smtp:
    file: ./smtp.txt
"""
VALUES = (PASSWORD, TOKEN, URL)


class Page(HTMLParser):
    """What stands in a page: elements with their attributes, and all text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.assets: dict[str, str] = {}
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"style", "script"}:
            self.assets[self._inside] = data
        else:
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return "".join(self.texts)


def made(folder: Path, *words: str, status: int = 0, shell: Mapping[str, str] | None = None) -> str:
    """The page of a run."""
    known = {"PATH": os.environ["PATH"], "HOME": str(folder), **(shell or {})}
    ended = nursery.run(folder, ["--no-docker", "--output", "html=../page.html", *words], known)
    assert ended.status == status, ended.said
    return (folder.parent / "page.html").read_text("utf-8")


def check(text: str) -> Page:
    """Everything that is true of every page."""
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    _check_references(page, set(ids))
    _check_tables(page)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    for landmark in ("header", "main", "footer"):
        assert len(page.all(landmark)) == 1
    _check_policy(page)
    return page


def _check_references(page: Page, ids: set[str]) -> None:
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "style", "action", "data", "ping", "background", "xlink:href"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert tag not in {"base", "embed", "form", "iframe", "img", "image", "link", "object", "use"}
        href = attributes.get("href")
        assert href is None or (href.startswith("#") and href[1:] in ids), href
        for name in ("aria-labelledby", "for"):
            assert set(attributes.get(name, "").split()) <= ids
    controls = [attributes["id"] for tag, attributes in page.elements if tag in {"input", "select"}]
    assert sorted(controls) == sorted(attributes["for"] for attributes in page.all("label"))
    style = page.assets["style"]
    assert "url(" not in style
    assert "@import" not in style
    assert "//" not in style


def _check_tables(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert all(tags[number + 1] == "caption" for number, tag in enumerate(tags) if tag == "table")
    assert all(attributes.get("scope") in {"col", "row", "rowgroup"} for attributes in page.all("th"))
    for number, tag in enumerate(tags):
        if tag == "svg" and page.elements[number][1].get("role") == "img":
            assert tags[number + 1 : number + 3] == ["title", "desc"]


def _check_policy(page: Page) -> None:
    (policy,) = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    hashes = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for name, text in page.assets.items()
    }
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{hashes['style']}'",
        f"script-src 'sha256-{hashes['script']}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    # it holds for what comes after it
    first = next(number for number, (tag, _) in enumerate(page.elements) if tag in {"style", "script", "title"})
    assert any("http-equiv" in attributes for _, attributes in page.elements[:first])


def spellings(value: str) -> set[str]:
    return {value, html.escape(value), html.escape(value, quote=False), quote(value), quote(value, safe="")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yml").write_text(COMPOSE)
    (folder / "smtp.txt").write_text("x")
    return folder


def test_the_page_tells_all_of_a_project(folder: Path) -> None:
    text = made(folder, "compose.yml")
    page = check(text)
    assert not [number for number, value in enumerate(VALUES) for form in spellings(value) if form in text]
    rows = [attributes for attributes in page.all("tr") if "data-service" in attributes]
    assert [(row["data-service"], row["data-action"], row["data-applicability"]) for row in rows] == [
        ("db", "moves", "safe"),
        ("api", "moves", "review"),
        ("api", "moves", "review"),
        ("api", "skipped", "does not apply"),
    ]
    for sentence in (
        "Secrets of compose.yml",
        "3 secrets in 1 file would move, 1 skipped; nothing written: add --write.",
        "and 1 service without secrets",
        'of: the "shop", & 100% <b>',
        "api will start without API_TOKEN and DATABASE_URL unless its program reads API_TOKEN_FILE and "
        "DATABASE_URL_FILE",
        "OTHER_TOKEN is not set",
        "Rotate the moved secrets soon",
        "docker compose up -d",
    ):
        assert sentence in page.text
    assert page.text.count(MASK) >= 3
    # no line of the page is a control without a script
    assert "hidden" in next(one for one in page.all("div") if one.get("id") == "filter")
    # each finding leads to its line
    assert len({one["href"] for one in page.all("a") if one["href"].startswith("#p1-file")}) == 4


def test_the_picture_tells_who_holds_what_before_and_after(folder: Path) -> None:
    page = check(made(folder, "compose.yml"))
    before, after = re.findall(r"services and secrets\n(.*)", page.text)
    assert "db: POSTGRES_PASSWORD (plaintext)" in before
    assert "OTHER_TOKEN (reference), smtp (secret)" in before
    assert "db: postgres_password (secret)" in after
    assert "OTHER_TOKEN (reference), smtp (secret)" in after
    assert "plaintext" not in after


def test_a_written_project_says_what_was_done(folder: Path) -> None:
    text = made(folder, "compose.yml", "--write")
    page = check(text)
    assert "3 secrets in 1 file moved, 1 skipped." in page.text
    assert "Changes made" in page.text
    assert "run the same command with" not in page.text
    assert not [number for number, value in enumerate(VALUES) for form in spellings(value) if form in text]


def test_standard_output_and_a_file_get_the_same(folder: Path) -> None:
    known = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    saved = made(folder, "compose.yml")
    assert nursery.run(folder, ["--no-docker", "--format", "html", "compose.yml"], known).said == saved


def test_several_projects_have_a_section_each(folder: Path) -> None:
    (folder / "bad.yml").write_text(
        "services:\n  a:\n    image: x\n    iamge: y\n    environment: {API_KEY: Ivy-Bell-30}\n"
    )
    (folder / "none.yml").write_text("services:\n  a:\n    image: nginx\n")
    text = made(folder, "compose.yml", "bad.yml", "none.yml", "missing.yml", "--check", status=2)
    page = check(text)
    assert "Ivy-Bell-30" not in text
    assert len(page.all("article")) == len(page.all("nav")) * 4 == 4
    assert [one["href"] for one in page.all("a")][1:5] == ["#p1", "#p2", "#p3", "#p4"]
    assert "Secrets of 4 projects" in page.text
    assert "check failed" in page.text.lower()
    assert "bad.yml:4" in page.text
    assert "1 service, none with a secret." in page.text
    assert [one for one in page.all("p") if one.get("class") == "error"]
    # what Compose refuses is not moved, but told
    assert "a.API_KEY" in page.text


def test_nothing_found_is_a_page_too(folder: Path) -> None:
    (folder / "compose.yml").write_text("services:\n  a:\n    image: nginx\n")
    page = check(made(folder, "compose.yml"))
    assert "No secrets found." in page.text
    assert not page.all("table")
    assert not page.all("input")
    (folder / "compose.yml").write_text("services: 3\n")
    page = check(made(folder, "compose.yml", status=2))
    assert "1 file with errors, unchanged." in page.text
    assert "found" not in page.text


HOSTILE = {
    "service": "a-</script><script>alert(1)</script>",
    "variable": "X\"'><img src=x onerror=alert(2)>_PASSWORD",
    "image": "reg.example.com/a:]]>--><style>*{color:red}",
    "comment": "--> ]]> </style> </svg> \u202e drow \u2066 &lt;i&gt; <!-- `code` javascript:alert(3)",
}


def hostile(folder: Path) -> Path:
    """A project whose names and texts want to be something else."""
    folder.mkdir()
    quoted = {name: "'" + text.replace("'", "''") + "'" for name, text in HOSTILE.items()}
    (folder / "compose.yml").write_text(
        f"services:\n  web:\n    image: {quoted['image']}\n    environment:\n"
        f"      {quoted['variable']}: '</td></table><h1>{PASSWORD}' # {HOSTILE['comment']}\n"
        f"  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: {TOKEN!r} # {HOSTILE['comment']}\n"
        f"    labels:\n      {quoted['service']}: x\n"
    )
    (folder / "bad.yml").write_text(
        f"services:\n  {quoted['service']}:\n    image: {quoted['image']}\n    {quoted['variable']}: 1\n"
    )
    return folder


def test_what_comes_from_a_file_stays_text(tmp_path: Path) -> None:
    folder = hostile(tmp_path / "<b>&'\" shop")
    text = made(folder, "compose.yml", "bad.yml", status=2)
    page = check(text)
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("h1")) == 1
    # what is no name may be a value
    assert f"web.X{MASK}" in page.text
    assert "onerror" not in page.text
    assert HOSTILE["image"] in page.text
    assert "--> ]]> </style> </svg> \\u202e drow \\u2066 &lt;i&gt; <!-- `code`" in page.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
    assert PASSWORD not in text
    assert not [number for number, form in enumerate(spellings(TOKEN)) if form in text]


@pytest.mark.parametrize("name", CASES[::6])
def test_no_page_of_the_little_projects_holds_a_secret(name: str, tmp_path: Path) -> None:
    case = Case.read(name)
    if case.report.read_text("utf-8").startswith("error: --"):
        pytest.skip("bad usage has no report")
    folder = tmp_path / "project"
    _lay_out(case.before, folder)
    page = made(folder, *case.arguments, status=case.status, shell=case.shell)
    check(page)
    # the message of a failed assertion must not show the text either
    found = [n for n, secret in enumerate(case.secret_texts()) for form in spellings(secret) if form in page]
    assert found == []


def test_a_name_that_holds_a_value_is_masked() -> None:
    secret = "Larkspur-Hinge-41"
    project = ProjectOutcome(
        f"{secret}/compose.yml",
        masks=Masks(values=(Secret(secret),)),
        services=(Member("db", f"registry/{secret}", ()), Member("web", "u:Mullein9Gantry@registry/web", ())),
    )
    told = sheet.of(shown(project))
    assert [service.image for service in told.services] == [f"registry/{MASK}", f"u:{MASK}@registry/web"]
    page = REPORTS["html"](Outcome((project,), Options()), View())
    assert secret not in page
    assert f"{MASK}/compose.yml" in page


def test_the_colours_leave_masks_whole() -> None:
    project = _rewritten(".yml")
    assert colour_of(project)(f'  A: "x {MASK} y"  # {MASK} <b>') == (
        f'  <b>A:</b> <u>"x <mark>{MASK}</mark> y"</u>  <i># <mark>{MASK}</mark> &lt;b&gt;</i>'
    )
    assert colour_of(project)("  - 80: $$x ${Y:-z} 5432") == ("  - <b>80:</b> $$x <var>${Y:-z}</var> <var>5432</var>")
    assert colour_of(_rewritten("Dockerfile"))("RUN --mount=type=secret x") == (
        "<b>RUN</b> <var>--mount</var>=type=secret x"
    )


def _rewritten(name: str) -> Rewritten:
    return Rewritten(Source(Path(name), b"", ""), "", ())


# --- colours ---

# text on ground, as the style puts them together
PAIRS = {
    "ink": ("paper", "shade", "red-paper", "green-paper", "amber-paper"),
    "quiet": ("paper", "shade", "red-paper", "green-paper", "amber-paper"),
    "link": ("paper",),
    "red": ("paper", "shade", "red-paper"),
    "green": ("paper", "shade", "green-paper"),
    "amber": ("paper", "shade", "amber-paper"),
    "key": ("paper", "red-paper", "green-paper"),
    "text": ("paper", "red-paper", "green-paper"),
    "number": ("paper", "red-paper", "green-paper"),
    "mask": ("mask-paper",),
}
DECORATION = {"rule"}


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes() -> Iterator[tuple[str, dict[str, str]]]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    yield "light", light
    yield "dark", dark


def test_the_contrast_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(("scheme", "palette"), list(palettes()), ids=("light", "dark"))
def test_every_colour_reads_well_on_its_ground(scheme: str, palette: Mapping[str, str]) -> None:
    grounds = {ground for grounds in PAIRS.values() for ground in grounds}
    assert palette.keys() == PAIRS.keys() | grounds | DECORATION, scheme
    weak = {
        (text, ground): round(contrast(palette[text], palette[ground]), 2)
        for text, grounds in PAIRS.items()
        for ground in grounds
        if contrast(palette[text], palette[ground]) < 4.5
    }
    assert weak == {}


# --- size, and many projects ---


def many_services(folder: Path, count: int, secrets: int) -> Path:
    folder.mkdir()
    lines = ["services:"]
    for number in range(count):
        lines += [
            f"  service-{number:03}:",
            "    image: example.com/team/program:1.4",
            "    environment:",
            "      A: b",
        ]
        lines += [f"      TOKEN_{each}: Zq{number}x{each}Larkspur-Hinge" for each in range(secrets)]
        lines += ["    ports:", f'      - "{8000 + number}:80"', "    networks: [backend]", "    restart: always"]
    (folder / "compose.yml").write_text("\n".join((*lines, "networks: {backend: {}}", "")))
    return folder


@pytest.mark.parametrize("secrets", [1, 3])
def test_a_page_of_500_services_is_small(tmp_path: Path, secrets: int) -> None:
    text = made(many_services(tmp_path / "many", 500, secrets), "compose.yml")
    check(text)
    assert len(text.encode()) < 3_000_000
    assert "Larkspur-Hinge" not in text
    # the picture is one that can be read, and the table has them all
    assert text.count("<g class=service>") < 100
    assert text.count("<tr><th scope=row>service-") == 500


def test_processes_make_the_same_page(tmp_path: Path) -> None:
    root = tmp_path / "all"
    for number in range(100):
        folder = root / f"project-{number:03}"
        folder.mkdir(parents=True)
        (folder / "compose.yml").write_text(COMPOSE)
    alone = made(root, ".", "--jobs", "1")
    assert made(root, ".", "--jobs", "2") == alone
    check(alone)
    assert not any(value in alone for value in VALUES)


def test_the_checklist_tells_what_hardening_does(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services:\n"
        "  db:\n    image: postgres:17\n"
        "  app:\n    image: ghcr.io/requarks/wiki:2\n    environment:\n      DB_HOST: db\n"
        "  mail:\n    image: axllent/mailpit:v1\n"
        "  cache:\n    image: redis:8\n    ports: ['6379:6379']\n"
    )
    from test_stores import run

    run(tmp_path, "--no-docker", "--harden", "networks", "--output", "html=page.html", "compose.yml")
    text = (tmp_path / "page.html").read_text("utf-8")
    done, left = text.index(">Hardening</h3>"), text.index(">Not hardened</h3>")
    assert "<b>db</b>" in text[done:left]
    assert "mail" in text[done:left]
    assert "<b>cache</b>" in text[left:]
    assert "publishes ports" in text[left:]
