"""What the commands have in common: what is asked for, where it is shown, and how it ends."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand

from renderer.common.errors import UserError
from renderer.common.printable import printable
from renderer.settings.shipped import shipped_configs
from renderer.store.place import Place, read_directory, read_place

if TYPE_CHECKING:
    from rich.console import Console

    from renderer.common.progress import Progress
    from renderer.jobs.changes import Agree
    from renderer.jobs.commands import Outcome, Request
    from renderer.jobs.previewing import Product

EXIT_INCOMPLETE = 3

app = typer.Typer(
    name="neuron-atlas",
    help="Films of what an image classifier dreams about everything it knows.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def complete_config(incomplete: str) -> list[str]:
    """The shipped configurations, and the files in the current folder, whose names begin so."""
    found = [*shipped_configs(), *sorted(path.name for path in Path().glob("*.yaml"))]
    return [name for name in found if name.startswith(incomplete)]


Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG",
        help="Path of a YAML file, the name of a shipped configuration, or the run.yaml of a run.",
        autocompletion=complete_config,
    ),
]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a run.", parser=read_directory)]
RunPlace = Annotated[
    Place, typer.Argument(metavar="DIR", help="Directory of a run, or its URL in a store.", parser=read_place)
]
Output = Annotated[
    Place | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Directory of the run, or a URL in a store, as s3://bucket/name.  [default: runs/NAME, or run.yaml's own]",
        parser=read_place,
    ),
]
Values = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any setting, such as film.width=320; may be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Restart = Annotated[bool, typer.Option("--restart", help="Remove what was rendered in the directory and begin anew.")]
PreviewWanted = Annotated[
    bool,
    typer.Option("--preview", help="Make a small, fast version first, in a directory of its own: runs/NAME-preview."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with code 3 if the network does not put every class first in its still.")
]


Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Dream anew what does not fit changed settings, without being asked."),
]


Shard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="[N/COUNT]",
        help="Compute one of so many parts, beside other processes or machines with the same directory; then "
        "`assemble`.  [without a value: the task of a SLURM array]",
    ),
]


Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="[ADDRESS]",
        help="Compute on a Ray cluster: auto, HOST:PORT or ray://HOST:PORT.  [without a value: RAY_ADDRESS, else this "
        "machine]",
    ),
]
RayWorkers = Annotated[
    int | None,
    typer.Option(
        "--ray-workers",
        metavar="N",
        min=1,
        help="With --ray: most workers at a time.  [default: as many as fit]",
    ),
]


class OptionalValues(TyperCommand):
    """A command of which some options have a value, or none: then it is the usual one.

    Attributes:
        options: What tells a value of each from what else may follow it.
    """

    options: ClassVar[Mapping[str, Callable[[str], bool]]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give such an option an empty value where none follows it."""
        following = [*args[1:], "--"][: len(args)]
        given = [
            # Empty is a variable that is not set.
            f"{one}=" if one in self.options and after and not self.options[one](after) else one
            for one, after in zip(args, following, strict=True)
        ]
        return super().parse_args(ctx, given)


def is_file_name(argument: str) -> bool:
    """Whether an argument names a file to be, and is neither an option nor a configuration."""
    suffix = Path(argument).suffix.lower()
    return not argument.startswith("-") and suffix not in {"", ".yaml", ".yml"}


_ADDRESS = re.compile(r"auto|local|ray://\S+|(\[[\da-fA-F:]+\]|[\w.-]+):\d+")


_SHARD = re.compile(r"[\d/ -]*\d[\d/ ]*|[^/.]+/[^/.]+(\.\d+)?")
"""What is meant for a shard, be it one or not."""


class Shared(OptionalValues):
    """A command whose work may be shared among machines."""

    options: ClassVar[Mapping[str, Callable[[str], bool]]] = {
        "--shard": lambda text: _SHARD.fullmatch(text) is not None and not Path(text).exists(),
        "--ray": lambda text: _ADDRESS.fullmatch(text) is not None and not Path(text).exists(),
    }


def make_request(
    config: str, output: Place | None, overrides: list[str] | None, *, restart: bool, yes: bool = False
) -> Request:
    """What is asked for: the settings of a configuration, and where the run lies; raises UserError."""
    from renderer.jobs.commands import Request
    from renderer.store.config_files import load_config, run_directory

    found = load_config(config, overrides or [])
    directory = run_directory(found, output.directory if output else None, overrides or [])
    return Request(found.name, found.settings, directory, restart, _agreeing(yes=yes))


def _agreeing(*, yes: bool) -> Agree:
    """Who agrees to what would be dreamed anew: the option, else who sits at the terminal."""

    def agree(text: str) -> bool:
        if not yes and not sys.stdin.isatty():
            return False
        say(f"{text}.")
        if not yes and not typer.confirm("Go on?", err=True):
            say("Nothing was changed.")
            raise typer.Exit(1)
        return True

    return agree


@contextmanager
def shared(request: Request, ray: str | None, workers: int | None) -> Iterator[Request]:
    """The same request, computed by a Ray cluster if one is asked for.

    Args:
        request: What is asked for.
        ray: The address of the cluster, empty for the usual one; None for none.
        workers: How many workers there may be there.

    Raises:
        UserError: Ray is not installed, or only workers are asked for.
    """
    if ray is None:
        if workers is not None:
            raise UserError("--ray-workers: of which cluster? Give --ray too")
        yield request
        return
    from renderer.jobs.ray_cluster import ray_cluster

    with ray_cluster(ray, workers) as cluster:
        yield replace(request, means=cluster)


def begin_request(
    config: str,
    output: Place | None,
    overrides: list[str] | None,
    *,
    restart: bool,
    yes: bool,
    preview: Product | None,
) -> tuple[Request, Callable[[], None]]:
    """What is asked for, and what is to be said when it is there.

    Args:
        config: The configuration.
        output: Where the run, or its preview, is to lie.
        overrides: Of the real thing; the preview's own come after them.
        restart: Remove what was rendered there.
        yes: Dream anew what does not fit, without asking.
        preview: Of what a preview is wanted; None for the real thing.
    """
    if preview is None:
        return make_request(config, output, overrides, restart=restart, yes=yes), lambda: None
    from renderer.jobs.preflight import foretell
    from renderer.jobs.previewing import make_preview

    real, film = make_request(config, None, overrides, restart=False, yes=yes), preview == "film"
    small = make_preview(real.settings, film=film)
    say(small.told)
    name = f"{real.name}-preview"
    directory = output.directory if output else Path("runs") / name
    request = replace(real, name=name, settings=small.settings, directory=directory, restart=restart)
    return request, lambda: say(f"the real one: {foretell(real, film=film)}", err=False)


def drawing(
    request: Request, plot: str | None, storyboard: str | None, curves: Path | None, *, quick: bool
) -> Callable[[], None]:
    """What draws a film, and says where; files that cannot be are refused at once. Raises UserError."""
    if plot is None and storyboard is None and curves is None:
        return lambda: None
    from renderer.jobs.drawing import DrawingWish, draw_film

    wish = DrawingWish.of(request.name, plot, storyboard, curves)
    wish.check(request.directory)
    return lambda: say("\n".join(draw_film(request, wish, quick=quick)), err=False)


def make_console(*, stderr: bool = False) -> Console:
    """A console for tables and bars."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Progress on standard error, which is logged too."""
    from renderer.common.progress import LoggedProgress
    from renderer.display import progress_on

    with progress_on(make_console(stderr=True)) as progress:
        yield LoggedProgress(progress)


def say(text: str, *, err: bool = True) -> None:
    """Print lines in which no control character is left."""
    typer.echo(printable(text, lines=True), err=err)


def placed(lines: Sequence[str], place: Place) -> str:
    """Lines that name a run's directory; where it is a working copy, they name the store."""
    if place.url is None:
        return "\n".join(lines)
    directory, url = str(place.directory), str(place)
    split = [line for text in lines for line in text.split("\n")]
    commands = [line.lstrip().startswith("neuron-atlas ") for line in split]
    return "\n".join(
        line.replace(shlex.quote(directory), shlex.quote(url)) if is_command else line.replace(directory, url)
        for line, is_command in zip(split, commands, strict=True)
    )


def give_json(data: object) -> None:
    """Write data to standard output for other programs."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=1))


def give_text(text: str, path: Path | None) -> None:
    """Write a table for other programs to a file, whole or not at all, or to standard output.

    There control characters are shown as what they are: titles may come from anybody, and it may be a terminal.
    """
    from renderer.store.files import write_whole

    if path:
        write_whole(path, text.encode(errors="backslashreplace"))  # names of files may be no text
    else:
        typer.echo(printable(text, lines=True), nl=False)


def conclude(outcome: Outcome, place: Place, *, strict: bool = False) -> None:
    """Say what has come of it; code 3 if a class could not be rendered or, if strict, is not recognized."""
    from renderer.display import describe_outcome, describe_shortcomings

    say(placed(describe_outcome(outcome), place), err=False)
    if shortcomings := describe_shortcomings(outcome):
        say("\n".join(shortcomings))
    if outcome.failures or (strict and outcome.unrecognized):
        raise typer.Exit(EXIT_INCOMPLETE)


def network_rows(name: str | None, *, layers: bool) -> list[dict[str, Any]]:
    """What `networks` lists: all that can dream here, or one network, or its layers; raises UserError."""
    from renderer.networks.sources import SOURCES
    from renderer.settings.loading import find_network

    if name is None and layers:
        raise UserError("--layers: say of which network, as in `neuron-atlas networks mobilenet_v2 --layers`")
    if name is None:
        sources = {source.model_fields["source"].default: source for source in SOURCES}
        return [{"source": key} | row for key, source in sources.items() for row in source.choices()]
    source = find_network(name)
    from renderer.networks.loaded import network_shape

    network = network_shape(source)
    if not layers:
        size, million = f"{network.size} x {network.size}", f"{network.parameters / 1e6:.1f} million"
        return [{"network": source.label, "input": size, "outputs": network.count_outputs(), "parameters": million}]
    found = network.layers().items()
    return [{"layer": key, "kind": layer.kind, "shape": " x ".join(map(str, layer.shape))} for key, layer in found]
