"""What axe-core says of the page. AXE_CORE names the file `axe.min.js` of its npm package."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.atlas.conftest import OpenPage

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


@pytest.fixture(scope="module")
def axe() -> str:
    path = os.environ.get("AXE_CORE")
    if not path:
        if os.environ.get("CI"):
            pytest.fail("needs AXE_CORE")
        pytest.skip("needs AXE_CORE, the path of axe-core's axe.min.js")
    return Path(path).read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[dict[str, Any]]:
    page.evaluate(axe)
    options = json.dumps({"runOnly": list(TAGS), "resultTypes": ["violations"]})
    found: list[dict[str, Any]] = page.evaluate(f"axe.run(document, {options}).then((result) => result.violations)")
    return [
        {"rule": one["id"], "impact": one["impact"], "where": [node["html"] for node in one["nodes"]][:3]}
        for one in found
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("place", ["", "#n02123045"])
def test_axe_finds_nothing(atlas: Callable[..., Page], axe: str, scheme: str, width: int, place: str) -> None:
    assert violations(atlas(place, scheme=scheme, width=width), axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_judges_have_looked(judged: Path, open_page: OpenPage, axe: str, scheme: str) -> None:
    page = open_page((judged / "index.html").as_uri() + "#n02123045", scheme=scheme)
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_there_are_facets(faceted: Path, open_page: OpenPage, axe: str, scheme: str) -> None:
    page = open_page((faceted / "index.html").as_uri() + "#n02123045", scheme=scheme)
    assert violations(page, axe) == []


def test_axe_would_find_something(atlas: Callable[..., Page], axe: str) -> None:
    page = atlas()
    page.evaluate("document.querySelector('label[for=search]').remove()")
    page.evaluate("document.querySelector('#search').removeAttribute('placeholder')")
    page.evaluate("document.documentElement.style.setProperty('--quiet', '#bbb')")
    assert {"label", "color-contrast"} <= {one["rule"] for one in violations(page, axe)}
