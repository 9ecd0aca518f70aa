"""The commands. The only place that prints and exits; what is heavy is imported by the command that needs it."""

from __future__ import annotations

import errno
import json
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from renderer.config.errors import UserError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from renderer.render.progress import Progress
    from renderer.render.runs import Outcome, Request

EXIT_FAILED = 1
EXIT_WRONG_SETTINGS = 2
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="neuron-atlas",
    help="Films of what an image classifier dreams about everything it knows.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

Config = Annotated[
    str, typer.Argument(metavar="CONFIG", help="Path of a YAML file, or the name of a shipped configuration.")
]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a run.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Directory of the run.  [default: runs/NAME]")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any setting, such as film.width=320; may be repeated."),
]
Restart = Annotated[bool, typer.Option("--restart", help="Remove what was rendered in the directory and begin anew.")]


class Interrupted(BaseException):
    """Somebody wants the program to stop; not an error."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; ends the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app(given, prog_name="neuron-atlas")
    except Interrupted:
        _say_how_to_go_on(given)
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001  the last resort, which gives every error its message and exit code
        if debug:
            traceback.print_exc()
        _say(_describe_error(error, given))
        sys.exit(EXIT_WRONG_SETTINGS if isinstance(error, UserError) else EXIT_FAILED)
    sys.exit(0)


@app.callback()
def _options(
    *,
    _debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from; may stand anywhere.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=lambda wanted: _show_version(wanted=wanted))
    ] = False,
) -> None:
    pass


@app.command()
def render(config: Config, *, output: Output = None, overrides: Overrides = None, restart: Restart = False) -> None:
    """Render a film and its stills, or go on with it.

    \b
    Examples:
      neuron-atlas render quickstart
      neuron-atlas render configs/imagenet.yaml --output runs/big --set film.width=1024
      neuron-atlas render animals --set 'classes.select=["under:dog"]' --set video.quality=14
    """  # noqa: D301  typer wants \b as it is
    from renderer.render.runs import render as render_run

    request = _request(config, output, overrides, restart=restart)
    with _progress() as progress:
        outcome = render_run(request, progress)
    _conclude(outcome)


@app.command()
def stills(config: Config, *, output: Output = None, overrides: Overrides = None, restart: Restart = False) -> None:
    """Dream one picture a class, and no film.

    \b
    Examples:
      neuron-atlas stills stills
      neuron-atlas stills quickstart --set stills.steps=256 --output runs/pictures
    """  # noqa: D301
    from renderer.render.runs import render_stills

    request = _request(config, output, overrides, restart=restart)
    with _progress() as progress:
        outcome = render_stills(request, progress)
    _conclude(outcome)


@app.command()
def status(directory: Directory) -> None:
    """Say what is done, what is left and how long it takes.

    \b
    Example:
      neuron-atlas status runs/imagenet
    """  # noqa: D301
    from renderer.display import describe_status
    from renderer.render.status import run_status

    typer.echo("\n".join(describe_status(run_status(directory), directory)))


@app.command()
def assemble(directory: Directory) -> None:
    """Make the film from the segments that are there.

    The run may be unfinished; the film then shows what is done.

    \b
    Example:
      neuron-atlas assemble runs/imagenet
    """  # noqa: D301
    from renderer.render.runs import assemble as assemble_run

    with _progress() as progress:
        outcome = assemble_run(directory, progress)
    _conclude(outcome)


@app.command()
def page(directory: Directory) -> None:
    """Make the web page anew.

    The run may be unfinished; the page then shows what is done.

    \b
    Example:
      neuron-atlas page runs/imagenet
    """  # noqa: D301
    from renderer.render.runs import make_page

    _conclude(make_page(directory))


@app.command()
def serve(
    directory: Directory,
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on this machine; 0 takes any.")] = 8000,
) -> None:
    """Show the web page while a render runs.

    Progress and new classes appear without reload. The page can be reached from this machine alone.

    \b
    Examples:
      neuron-atlas serve runs/imagenet
      neuron-atlas serve runs/imagenet --port 8001
    """  # noqa: D301
    from renderer.serve import make_server

    server = make_server(directory, port)
    typer.echo(f"{server.address} shows {directory}; Ctrl-C ends it")
    server.run()


@app.command()
def check(
    config: Config,
    *,
    output: Output = None,
    overrides: Overrides = None,
    stills: Annotated[bool, typer.Option("--stills", help="Check for the command `stills`, not for `render`.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Do not load the network or measure its speed.")] = False,
) -> None:
    """Try everything that a render needs.

    Nothing is rendered. Looks at settings, weights, text, encoder and disk; then dreams a few frames to tell the time.

    \b
    Examples:
      neuron-atlas check imagenet
      neuron-atlas check my.yaml --quick
      neuron-atlas check stills --stills
    """  # noqa: D301
    from renderer.render.check import preflight

    console, failed = _console(), False
    marks = {"ok": "[green]ok[/]     ", "warning": "[yellow]warning[/]", "failed": "[red]failed[/] "}
    request = _request(config, output, overrides, restart=False)
    for finding in preflight(request, film=not stills, quick=quick):
        console.print(f"{marks[finding.state]}  {finding.name:<9}", end=" ")
        console.print(finding.text, markup=False, highlight=False, soft_wrap=True)
        failed = failed or finding.state == "failed"
    if failed:
        raise typer.Exit(EXIT_WRONG_SETTINGS)


@app.command()
def classes(
    config: Config,
    *,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """List the selected classes in order.

    A table on a terminal, tab-separated values elsewhere.

    \b
    Examples:
      neuron-atlas classes imagenet --set 'classes.select=["*terrier*"]'
      neuron-atlas classes imagenet --json
    """  # noqa: D301
    from renderer.config.loading import load_settings
    from renderer.display import class_row, print_table
    from renderer.render.selection import chosen_classes

    chosen = chosen_classes(load_settings(config, overrides or []).settings)
    rows = [class_row(place, record) for place, record in enumerate(chosen)]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        print_table(_console(), rows)


@app.command()
def networks() -> None:
    """List what can dream here.

    The network that comes along, and those of torchvision with the names of their weights.

    \b
    Example:
      neuron-atlas networks
    """  # noqa: D301
    from torchvision import models

    from renderer.display import print_table
    from renderer.networks.torchvision_models import model_names

    rows = [{"source": "embedded", "name": "", "weights": ""}]
    for name in model_names():
        weights = ", ".join(models.get_model_weights(name).__members__)
        rows.append({"source": "torchvision", "name": name, "weights": weights})
    print_table(_console(), rows)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted


def _show_version(*, wanted: bool) -> None:
    if wanted:
        from renderer.run_directory.run_file import current_versions

        typer.echo(f"neuron-atlas {current_versions()['neuron-atlas']}")
        raise typer.Exit


def _request(config: str, output: Path | None, overrides: list[str] | None, *, restart: bool) -> Request:
    from renderer.config.loading import load_settings
    from renderer.render.runs import Request

    loaded = load_settings(config, overrides or [])
    return Request(loaded.name, loaded.settings, output or Path("runs") / loaded.name, restart)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def _progress() -> AbstractContextManager[Progress]:
    from renderer.display import progress_on

    return progress_on(_console(stderr=True))


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _conclude(outcome: Outcome) -> None:
    """Say what has come of it, and end with code 3 if some class could not be rendered."""
    from renderer.display import list_titles

    if outcome.index.film and outcome.film:
        film = outcome.index.film
        typer.echo(f"{outcome.film}: {film.frames} frames, {film.seconds:.1f} s")
    typer.echo(f"{outcome.paths.stills}: {sum(1 for entry in outcome.index.classes if entry.still)} stills")
    typer.echo(f"{outcome.paths.page}: the page")
    if outcome.unrecognized:
        titles = list_titles(outcome.unrecognized)
        _say(f"The network takes these {len(outcome.unrecognized)} stills for something else: {titles}")
    if outcome.failures:
        titles = list_titles([failure.record.title for failure in outcome.failures])
        _say(f"{len(outcome.failures)} classes could not be rendered ({outcome.failures[0].reason}): {titles}")
        raise typer.Exit(EXIT_INCOMPLETE)


def _describe_error(error: Exception, given: Sequence[str]) -> str:
    from renderer.video.ffmpeg import EncodingError

    match error:
        case UserError():
            return f"Error: {error}"
        case OSError(errno=errno.ENOSPC):
            return f"Error: the disk is full ({error}); make room. {_kept(given)}"
        case EncodingError():
            return f"Error: {error}\n{_kept(given)}"
        case OSError():
            return f"Error: {error}"
        case RuntimeError() if "out of memory" in str(error):
            return (
                f"Error: {str(error).splitlines()[0]}\nLower run.batch, dream.transforms.views or the film's size; "
                "where a part is finished already, that needs --restart, or another directory with --output"
            )
        case _:
            return f"Error: {type(error).__name__}: {error}\nMore is to be seen with --debug"


def _say_how_to_go_on(given: Sequence[str]) -> None:
    if given and given[0] in {"render", "stills"}:
        _say(f"\nInterrupted. {_kept(given)}")
    else:
        _say("\nInterrupted.")


def _kept(given: Sequence[str]) -> str:
    """Comfort, with the command line that goes on: the same, only that it must not begin anew."""
    command = shlex.join(["neuron-atlas", *(argument for argument in given if argument != "--restart")])
    return f"What is finished is kept; go on with\n  {command}"
