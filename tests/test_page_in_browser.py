"""The page of the committed results in a real browser: nothing overflows, links lead somewhere, filters work.

Needs `pip install .[browser]` and a chromium on the machine; skipped, with the reason, where one of them is missing.
"""

from __future__ import annotations

import re
import shutil

import pytest

from analysis import report
from analysis.runs.places import results_root

playwright = pytest.importorskip("playwright.sync_api", reason="no browser driver: pip install .[browser]")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The committed results with the page written anew."""
    copy = tmp_path_factory.mktemp("page") / "results"
    ignored = shutil.ignore_patterns("full", ".cells.sqlite")
    shutil.copytree(results_root(), copy, ignore=ignored)
    report.write(copy)
    return copy


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, folder):
    """visit(width, scheme, anchor) -> the page; after the test it fails if anything was written to its console."""
    said, pages = [], []

    def opened(width=1400, scheme="light", anchor=""):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: said.append(str(e)))
        page.goto(f"file://{folder}/index.html{anchor}")
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert said == []


@pytest.mark.parametrize("width", [390, 1400])
def test_the_first_verdict_is_seen_without_scrolling_and_nothing_is_wider_than_the_screen(visit, width):
    page = visit(width)
    box = page.locator(".answers li").first.bounding_box()
    assert 0 < box["y"] < 900
    assert page.locator(".answers .word").first.bounding_box()["y"] < 900
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_is_light_enough(folder):
    assert (folder / "index.html").stat().st_size <= 2e6


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(visit, scheme):
    """Contrast by WCAG 2: (L1 + .05)/(L2 + .05), L the relative luminance; 4.5 is asked of text of this size."""
    page = visit(scheme=scheme)
    colours = page.evaluate(
        """() => {
          const ground = e => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$|transparent/.test(c)) return c; }
            return getComputedStyle(document.documentElement).backgroundColor; };
          const found = {};
          for (const e of document.querySelectorAll("main *, header *, nav *")) {
            if (!e.offsetParent || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
            found[getComputedStyle(e).color + "|" + ground(e)] = e.tagName + "." + e.className; }
          return found; }"""
    )
    assert len(colours) >= 5
    low = {where: pair for pair, where in colours.items() if _contrast(*pair.split("|")) < 4.5}
    assert low == {}


def _contrast(first: str, second: str) -> float:
    def luminance(colour):
        parts = [float(v) / 255 for v in re.findall(r"[\d.]+", colour)[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_search_reaches_any_claim_and_filters_combine(visit):
    page = visit()
    ids = page.locator(".card").evaluate_all("cards => cards.map(c => c.id)")
    assert len(ids) >= 80
    for name in (ids[0], ids[len(ids) // 2], ids[-1]):
        page.fill("input[name=q]", f"{name} ")
        assert page.locator(f"#{name}").is_visible()
    page.fill("input[name=q]", "sphere")
    by_word = page.locator(".card:visible").count()
    assert 0 < by_word < len(ids)
    page.select_option("select[name=verdict]", "violated")
    both = page.locator(".card:visible")
    assert both.count() <= by_word
    assert set(both.evaluate_all("c => c.map(x => x.dataset.verdict)")) <= {"violated"}
    shown = page.locator(".filters output").inner_text()
    assert shown.split()[0] == str(both.count())


def test_a_link_to_a_claim_that_a_filter_hides_shows_it(visit):
    page = visit()
    page.fill("input[name=q]", "nothing has these words")
    assert page.locator(".card:visible").count() == 0
    page.locator(".answers small a").first.click()
    assert page.locator(page.locator(".answers small a").first.get_attribute("href")).is_visible()


def test_every_anchor_and_every_link_leads_somewhere(visit, folder):
    page = visit()
    hrefs = set(page.locator("a[href]").evaluate_all("a => a.map(x => x.getAttribute('href'))"))
    sources = set(page.locator("img").evaluate_all("i => i.map(x => x.getAttribute('src'))"))
    anchors = set(page.locator("[id]").evaluate_all("e => e.map(x => x.id)"))
    inside = {h[1:] for h in hrefs if h.startswith("#")}
    assert len(inside) > 80
    assert inside <= anchors
    files = {h for h in hrefs | sources if not h.startswith(("#", "http"))}
    code = {f for f in files if f.startswith("../")}
    assert [f for f in code if not (results_root() / f).exists()] == []
    assert [f for f in files - code if not (folder / f).exists()] == []


def test_price_and_run_answer(visit):
    page = visit()
    before = page.locator("#price .answer").inner_text()
    page.select_option("#price select[name=predicts]", "noise")
    after = page.locator("#price .answer").inner_text()
    assert before.startswith("price ") and after.startswith("price ") and before != after
    page.locator("#slow input[name=step]").evaluate("e => { e.value = 5; e.dispatchEvent(new Event('input')); }")
    assert page.locator("#slow svg").first.locator("circle").count() > 16


def test_it_is_whole_without_scripts(browser, folder):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(f"file://{folder}/index.html")
    assert page.locator(".card").count() >= 80
    assert page.locator(".card").first.is_visible()
    context.close()
