"""The commands for who begins: a configuration to start from, and the documents."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from renderer.command_parts import app, make_console, say
from renderer.common.documents import documents, find_document, heading, templates

_PAGER = "-FRX"  # for less: colors as they are, and no pager for what fits on the screen


def complete_topic(incomplete: str) -> list[str]:
    """The documents and templates whose names begin so."""
    return [name for name in documents() | templates() if name.startswith(incomplete)]


@app.command()
def init(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Path of the new file; `.yaml` may be left out.")
    ] = "film.yaml",
) -> None:
    """Write a configuration to start from.

    It holds every setting with its meaning and its default; what most want to change is not commented out. A schema is
    written beside it, by which editors with a YAML server complete keys and show what they mean; an older schema there
    is replaced. No other file is ever overwritten.

    \b
    Examples:
      neuron-atlas init
      neuron-atlas init films/terriers
    """  # noqa: D301  typer wants \b as it is
    from renderer.store.new_config import write_new_config

    written = write_new_config(name)
    path = shlex.quote(str(written.path))
    say(
        f"{written.path}: a configuration to start from (editors know its keys by {written.schema})\n"
        f"Next:\n  neuron-atlas check {path}\n  neuron-atlas render {path}",
        err=False,
    )


@app.command()
def docs(
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="TOPIC", help="One of those that are listed.", show_default=False, autocompletion=complete_topic
        ),
    ] = None,
) -> None:
    """Read the documents, or list them.

    On a terminal formatted, and in a pager; elsewhere the Markdown text.

    \b
    Examples:
      neuron-atlas docs
      neuron-atlas docs settings
      neuron-atlas docs networks > networks.md
      neuron-atlas docs slurm.sh > slurm.sh
    """  # noqa: D301
    if topic is None:
        known = documents() | templates()
        width = max(map(len, known), default=0)
        say("\n".join(f"{name:<{width}}  {heading(path)}" for name, path in known.items()), err=False)
    else:
        _show(find_document(topic))


def _show(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    console = make_console()
    if not console.is_terminal or document.suffix != ".md":
        typer.echo(text, nl=False)
        return
    from rich.markdown import Markdown

    os.environ.setdefault("LESS", _PAGER)
    with console.pager(styles=True):
        console.print(Markdown(text))
