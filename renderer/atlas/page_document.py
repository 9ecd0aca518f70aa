"""The page as one HTML file: the contents as data, and one style sheet and one script inside it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from renderer.atlas.page_contents import page_contents
from renderer.atlas.seen import SeenRun
from renderer.store.files import write_whole
from renderer.store.index_file import Index

_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
"""Nothing inside the data may look like markup; in JSON such characters occur in texts only."""


def write_page(seen: SeenRun, index: Index) -> None:
    """Write `index.html` anew from what is there of a run."""
    write_whole(seen.paths.page, page_html(page_contents(seen, index), live=False).encode())


def page_html(contents: Mapping[str, Any], *, live: bool) -> str:
    """The page for the given contents.

    Args:
        contents: What `page_contents` gives.
        live: Whether it is served, and may ask the server what is new; from the disk it asks nobody.
    """
    return html_document("page", contents, live=live)


def html_document(name: str, contents: Mapping[str, Any], *, live: bool = False) -> str:
    """A page as one file: style, script and contents inside it.

    Args:
        name: Of its template, style and script in `assets`; what all pages share comes before them.
        contents: Its data, among them `title`.
        live: Whether it is served, and may ask the server.
    """
    style = _asset("base.css") + _asset(f"{name}.css")
    script = _asset("common.js") + _asset(f"{name}.js")
    return (
        _environment()
        .from_string(_asset(f"{name}.html.jinja"))
        .render(
            title=contents["title"],
            policy=_security_policy(style, script, live=live),
            style=Markup(style),  # noqa: S704  our own files
            script=Markup(script),  # noqa: S704
            contents=Markup(embedded_json(contents)),  # noqa: S704  escaped
            live=live,
        )
    )


def _asset(name: str) -> str:
    return (files("renderer.atlas") / "assets" / name).read_text(encoding="utf-8")


def embedded_json(data: Any) -> str:
    """JSON that can stand in an HTML `script` element whatever its texts contain."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _environment() -> Environment:
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _security_policy(style: str, script: str, *, live: bool) -> str:
    """Only the page's own script and style, and pictures and films that lie beside it."""
    # Browsers differ in whether 'self' covers a page's neighbors on the disk.
    beside = "'self' file:"
    server = "'self'" if live else "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_source_hash(script)}'",
            f"style-src '{_source_hash(style)}'",
            f"img-src {beside} data:",
            f"media-src {beside}",
            f"connect-src {server}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _source_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
