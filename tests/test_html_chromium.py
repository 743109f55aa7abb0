"""The page in a browser: it is quick, quiet, readable in both schemes, and works from the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import browser
import pytest
from browser import Browser
from test_html import PASSWORD, VALUES, hostile, made, many_services

pytestmark = [
    pytest.mark.gate,
    pytest.mark.skipif(browser.PROGRAM is None, reason="there is no chromium (apt-get install chromium)"),
]

WIDE, NARROW = 1280, 400
COMPOSE = f"""\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: {PASSWORD}  # of the shop
      POSTGRES_USER: "shop"
  api:
    image: example.com/unheard-of
    environment:
      API_TOKEN: {VALUES[2]}
      PORT: 8080
      OTHER_TOKEN: ${{OTHER_TOKEN}}
  mail:
    image: example.com/mail
    environment:
      MAIL_PASSWORD: /run/secrets/smtp
    secrets: [smtp]
  web:
    image: nginx:1.27
secrets:
  smtp:
    file: ./smtp.txt
"""

# each text that can be seen, with the ground behind it: the lowest contrast of WCAG 2, and where it is
CONTRAST = """
(() => {
  const parse = (text) => {
    const found = text.match(/rgba?\\(([^)]+)\\)/);
    const [r, g, b, a] = found ? found[1].split(/[ ,/]+/).map(Number) : [0, 0, 0, 0];
    return { rgb: [r, g, b], alpha: a === undefined ? 1 : a };
  };
  const luminance = ({ rgb }) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const box = one instanceof SVGGElement && one.querySelector(":scope > rect");
      const colour = parse(box ? getComputedStyle(box).fill : getComputedStyle(one).backgroundColor);
      if (colour.alpha === 1) return colour;
      if (colour.alpha !== 0) throw new Error("a translucent ground");
    }
    throw new Error("no ground");
  };
  const seen = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || ["SCRIPT", "STYLE", "title", "desc", "OPTION"].includes(element.tagName)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    if (!range.getClientRects().length || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color);
    const [light, dark] = [luminance(ink), luminance(ground(element))].sort((a, b) => b - a);
    seen.push([(light + 0.05) / (dark + 0.05), `${element.tagName} ${node.data.trim().slice(0, 30)}`]);
  }
  seen.sort((a, b) => a[0] - b[0]);
  return { count: seen.length, lowest: seen.slice(0, 3) };
})()
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as program:
        yield program


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yml").write_text(COMPOSE)
    (folder / "smtp.txt").write_text("x")
    (folder / "bad.yml").write_text("services:\n  a:\n    image: x\n    iamge: y\n")
    made(folder, "compose.yml")
    return tmp_path / "page.html"


def focus(chromium: Browser) -> str:
    """What has the focus: its id, or its element's name."""
    return str(chromium.run("document.activeElement.id || document.activeElement.tagName"))


def shown(chromium: Browser) -> list[str]:
    """The findings that can be seen."""
    script = "[...document.querySelectorAll('tr[data-service]')].filter((row) => row.checkVisibility())"
    found: list[str] = chromium.run(f"{script}.map((row) => row.cells[0].textContent.split('compose.yml')[0])")
    return found


def tab_to(chromium: Browser, target: str) -> int:
    for count in range(1, 40):
        chromium.press("Tab")
        if focus(chromium) == target:
            return count
    raise AssertionError(f"no key leads to {target}")


@pytest.mark.parametrize(("count", "secrets"), [(1, 1), (500, 1)])
def test_few_services_and_many_can_be_searched(chromium: Browser, tmp_path: Path, count: int, secrets: int) -> None:
    """How fast a page loads is for benchmarks/page.py to say."""
    made(many_services(tmp_path / "many", count, secrets), "compose.yml")
    chromium.look(WIDE)
    chromium.open(tmp_path / "page.html")
    assert chromium.complaints() == []
    chromium.run("document.getElementById('filter-text').focus()")
    chromium.type(f"service-{count - 1:03}")
    assert shown(chromium) == [f"service-{count - 1:03}.TOKEN_0"]
    assert chromium.run("document.getElementById('filter-count').textContent") == f"1 of {count} findings shown"


def test_the_keyboard_is_enough(chromium: Browser, page: Path) -> None:
    chromium.look(WIDE)
    chromium.open(page)
    chromium.press("Tab")
    assert chromium.run("document.activeElement.className") == "skip"
    assert chromium.run("document.activeElement.getBoundingClientRect().left >= 0")
    chromium.press("Enter")
    assert focus(chromium) == "content"
    # the picture's table opens
    chromium.press("Tab")
    assert focus(chromium) == "SUMMARY"
    assert not chromium.run("document.activeElement.parentElement.open")
    chromium.press("Enter")
    assert chromium.run("document.activeElement.parentElement.open")
    everything = ["db.POSTGRES_PASSWORD", "api.API_TOKEN", "api.OTHER_TOKEN", "mail.MAIL_PASSWORD"]
    assert sorted(shown(chromium)) == sorted(everything)
    chromium.press("Tab")
    assert focus(chromium) == "filter-text"
    chromium.type("token")
    assert shown(chromium) == ["api.API_TOKEN", "api.OTHER_TOKEN"]
    # Enter sends nothing anywhere
    chromium.press("Enter")
    assert chromium.run("location.search") == ""
    chromium.press("Tab")
    assert focus(chromium) == "filter-confidence"
    chromium.press("Tab")
    assert focus(chromium) == "filter-action"
    chromium.press("ArrowDown")
    assert shown(chromium) == ["api.API_TOKEN"]
    chromium.press("Tab")
    assert focus(chromium) == "filter-applicability"
    chromium.press("ArrowDown")
    # "safe", with which no token goes
    assert shown(chromium) == []
    assert chromium.run("document.querySelector('table.findings + p').checkVisibility()")
    assert tab_to(chromium, "filter-reset") == 2
    chromium.press(" ")
    assert sorted(shown(chromium)) == sorted(everything)
    assert focus(chromium) == "filter-text"
    assert tab_to(chromium, "p1-todo-1") > 5
    chromium.press(" ")
    assert chromium.run("document.getElementById('p1-todo-1').checked")
    assert chromium.complaints() == []


def test_each_control_shows_that_it_has_the_focus(chromium: Browser, page: Path) -> None:
    chromium.look(WIDE)
    chromium.open(page)
    seen = set()
    for _ in range(40):
        chromium.press("Tab")
        name = chromium.run("document.activeElement.tagName")
        if name == "BODY":
            break
        style: str = chromium.run("getComputedStyle(document.activeElement).outline")
        assert "solid 3px" in style, name
        seen.add(name)
    assert seen >= {"A", "SUMMARY", "INPUT", "SELECT", "BUTTON"}


def test_a_finding_leads_to_its_line(chromium: Browser, tmp_path: Path) -> None:
    made(many_services(tmp_path / "many", 60, 1), "compose.yml")
    chromium.look(WIDE)
    chromium.open(tmp_path / "page.html")
    # a change so long begins closed
    chromium.run("document.querySelector('details.file').open = false")
    chromium.run("[...document.querySelectorAll('table.findings a')].at(-1).focus()")
    chromium.press("Enter")
    assert chromium.run("document.querySelector('details.file').open")
    assert chromium.run(
        "new Promise((done) => setTimeout(() => {"
        "const place = document.querySelector('tr:target').getBoundingClientRect();"
        "done(place.top >= 0 && place.bottom <= innerHeight)}, 1500))"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("files", ["compose.yml", "compose.yml bad.yml missing.yml"])
def test_every_text_has_contrast_enough(chromium: Browser, page: Path, scheme: str, width: int, files: str) -> None:
    made(page.parent / "shop", *files.split(), status=2 if "bad" in files else 0)
    chromium.look(width, scheme)
    chromium.open(page)
    chromium.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = chromium.run(CONTRAST)
    assert found["count"] > 150
    assert found["lowest"][0][0] >= 4.5, found["lowest"]
    # nothing sticks out to the side
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
    is_dark = chromium.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert is_dark == (scheme == "dark")
    assert chromium.complaints() == []


def test_paper_gets_all_of_it_on_white(chromium: Browser, page: Path) -> None:
    chromium.look(WIDE, "dark", "print")
    chromium.open(page)
    assert chromium.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not chromium.run("document.getElementById('filter').checkVisibility()")
    chromium.run("document.querySelector('details.file').open = false")
    chromium.run("dispatchEvent(new Event('beforeprint'))")
    assert chromium.run("document.querySelector('table.diff').checkVisibility()")
    chromium.run("dispatchEvent(new Event('afterprint'))")
    assert not chromium.run("document.querySelector('details.file').open")
    paper = chromium.paper()
    assert paper.startswith(b"%PDF-")
    assert len(paper) > 20_000
    assert chromium.complaints() == []


def test_without_a_script_all_is_there(chromium: Browser, page: Path) -> None:
    chromium.look(WIDE)
    chromium.tell("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open_quietly(page)
        nodes = chromium.tell("DOMSnapshot.captureSnapshot", computedStyles=[])
        texts = " ".join(nodes["strings"])
    finally:
        chromium.tell("Emulation.setScriptExecutionDisabled", value=False)
    assert "POSTGRES_PASSWORD" in texts
    assert "docker compose up -d" in texts


def test_names_that_want_to_be_programs_are_text(chromium: Browser, tmp_path: Path) -> None:
    made(hostile(tmp_path / "shop"), "compose.yml", "bad.yml", status=2)
    chromium.look(WIDE)
    chromium.open(tmp_path / "page.html")
    assert chromium.complaints() == []
    assert chromium.run("document.scripts.length") == 1
    assert chromium.run("document.querySelectorAll('style, img, iframe, object').length") == 1
    # what no variable's name has is not even shown
    shown = chromium.run("document.querySelector('table.findings').innerText")
    assert "web.X********" in shown
    assert "onerror" not in shown
    assert not any(value in chromium.run("document.documentElement.outerHTML") for value in VALUES)


def test_the_page_lets_nothing_else_run(chromium: Browser, page: Path) -> None:
    """Even if something slipped through the policy stops it."""
    chromium.look(WIDE)
    text = page.read_text("utf-8")
    page.write_text(
        text.replace("</main>", "<script>document.title = 'ran'</script><b onclick='1'>x</b></main>"), "utf-8"
    )
    chromium.open(page)
    assert chromium.run("document.title") == "Secrets of compose.yml – dsec-migrate"
    assert any("Content Security Policy" in line for line in chromium.complaints())
