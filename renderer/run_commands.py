"""The commands that render a run, look at how far it is, and make its film and page again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from renderer.command_parts import (
    Config,
    Directory,
    Json,
    Output,
    PreviewWanted,
    Restart,
    Strict,
    Values,
    Yes,
    app,
    begin_request,
    conclude,
    give_json,
    say,
    shown_progress,
)
from renderer.store.log_file import keep_log
from renderer.store.paths import RunPaths

if TYPE_CHECKING:
    from renderer.jobs.previewing import Product


@app.command()
def render(
    config: Config,
    *,
    output: Output = None,
    overrides: Values = None,
    restart: Restart = False,
    yes: Yes = False,
    strict: Strict = False,
    preview: PreviewWanted = False,
) -> None:
    """Render a film and its stills, or go on with it.

    At the end the classes are listed that the network does not put first in their stills. A preview has the same look,
    text and transitions, and of many classes a few; --set is of the real film. It ends with how long that will take.

    \b
    Examples:
      neuron-atlas render quickstart
      neuron-atlas render configs/imagenet.yaml --output runs/big --set film.width=1024
      neuron-atlas render imagenet --preview
      neuron-atlas render animals --set 'classes.select=["under:dog"]' --set video.quality=14
      neuron-atlas render imagenet --set 'network.companions=[{source: torchvision, name: mobilenet_v2}]'
      neuron-atlas render runs/imagenet/run.yaml --set run.seed=1 --output runs/another
    """  # noqa: D301  typer wants \b as it is
    from renderer.jobs.commands import render as render_run

    product: Product | None = "film" if preview else None
    request, say_more = begin_request(config, output, overrides, restart=restart, yes=yes, preview=product)
    keep_log(RunPaths(request.directory))
    with shown_progress() as progress:
        outcome = render_run(request, progress)
    say_more()
    conclude(outcome, strict=strict)


@app.command()
def stills(
    config: Config,
    *,
    output: Output = None,
    overrides: Values = None,
    restart: Restart = False,
    yes: Yes = False,
    strict: Strict = False,
    preview: PreviewWanted = False,
) -> None:
    """Dream one picture a class, and no film.

    A class that the network does not put first is dreamed again from another seed, up to stills.retries times, and
    listed at the end if that does not help.

    \b
    Examples:
      neuron-atlas stills stills
      neuron-atlas stills quickstart --set stills.steps=256 --output runs/pictures
      neuron-atlas stills facets
      neuron-atlas stills stills --preview
      neuron-atlas stills quickstart --set stills.variants=4 --set stills.alpha=true --output runs/cut-out
    """  # noqa: D301
    from renderer.jobs.commands import render_stills

    product: Product | None = "stills" if preview else None
    request, say_more = begin_request(config, output, overrides, restart=restart, yes=yes, preview=product)
    keep_log(RunPaths(request.directory))
    with shown_progress() as progress:
        outcome = render_stills(request, progress)
    say_more()
    conclude(outcome, strict=strict)


@app.command()
def status(directory: Directory, *, as_json: Json = False) -> None:
    """Say what is done, what is left and how long it takes.

    \b
    Examples:
      neuron-atlas status runs/imagenet
      neuron-atlas status runs/imagenet --json
    """  # noqa: D301
    from renderer.display import describe_status
    from renderer.jobs.status import run_status, status_data

    found = run_status(directory)
    if as_json:
        give_json(status_data(found, directory))
    else:
        say("\n".join(describe_status(found, directory)), err=False)


@app.command()
def assemble(directory: Directory) -> None:
    """Make the film from the segments that are there.

    The run may be unfinished; the film then shows what is done.

    \b
    Example:
      neuron-atlas assemble runs/imagenet
    """  # noqa: D301
    from renderer.jobs.commands import assemble as assemble_run

    keep_log(RunPaths(directory))
    with shown_progress() as progress:
        outcome = assemble_run(directory, progress)
    conclude(outcome)


@app.command()
def page(directory: Directory) -> None:
    """Make the web page anew.

    The run may be unfinished; the page then shows what is done.

    \b
    Example:
      neuron-atlas page runs/imagenet
    """  # noqa: D301
    from renderer.jobs.commands import make_page

    with shown_progress() as progress:
        outcome = make_page(directory, progress)
    conclude(outcome)
