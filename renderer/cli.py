"""The commands. The only place that prints and exits; what is heavy is imported by the command that needs it."""

from __future__ import annotations

import io
import logging
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, NoReturn

import typer

from renderer import beginning, run_commands  # noqa: F401  their commands come first
from renderer.command_parts import (
    Config,
    Directory,
    Json,
    OptionalValues,
    Output,
    Values,
    app,
    drawing,
    give_json,
    give_text,
    is_file_name,
    make_console,
    make_request,
    network_rows,
    placed,
    say,
    shown_progress,
)
from renderer.common import interruption
from renderer.common.errors import UserError
from renderer.common.interruption import EXIT_INTERRUPTED, Interrupted
from renderer.endings import describe_error, describe_interruption
from renderer.store.log_file import configure
from renderer.store.place import Place, read_directory, read_path, without_secrets

_LOG = logging.getLogger(__name__)

EXIT_FAILED = 1
EXIT_WRONG_SETTINGS = 2


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; ends the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    verbose = "--verbose" in given
    given = [argument for argument in given if argument not in {"--debug", "--verbose"}]
    configure(verbose=verbose)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
    shown = [without_secrets(argument) for argument in given]
    _LOG.info("neuron-atlas %s", shlex.join(shown))
    interruption.install(describe_interruption(shown))
    try:
        with interruption.Working():
            code = _run(given, debug=debug)
    except Interrupted:
        _LOG.info("interrupted")
        say(interruption.conclude())
        code = EXIT_INTERRUPTED
    _LOG.info("exit code %s", code)
    sys.exit(code)


def _run(given: Sequence[str], *, debug: bool) -> int | str | None:
    """Run a command, tell of its failure, and give the exit code."""
    try:
        app(given, prog_name="neuron-atlas")
    except SystemExit as ended:
        return ended.code
    except Exception as error:
        if interruption.is_asked():  # a library has made an error of it
            raise Interrupted from error
        _LOG.error("%s", error, exc_info=error)
        if debug:
            say(traceback.format_exc())
        say(describe_error(error, [without_secrets(argument) for argument in given]))
        return EXIT_WRONG_SETTINGS if isinstance(error, UserError) else EXIT_FAILED
    return 0


@app.callback()
def _options(
    *,
    _debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from; may stand anywhere.")] = False,
    _verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Say what is done, as the run's state/log.txt does; may stand anywhere."),
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=lambda wanted: _show_version(wanted=wanted))
    ] = False,
) -> None:
    pass


@app.command()
def sheet(
    directory: Directory,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            parser=read_path,
            help="A .webp, .png or .jpg file.  [default: DIR/sheet.webp]",
        ),
    ] = None,
    columns: Annotated[int | None, typer.Option("--columns", min=1, help="Pictures side by side.")] = None,
    thumbnail: Annotated[
        int, typer.Option("--thumbnail", metavar="PIXELS", min=16, max=2048, help="Longer side of the pictures.")
    ] = 160,
    per_page: Annotated[int | None, typer.Option("--per-page", min=1, help="Most pictures on a page.")] = None,
    no_titles: Annotated[bool, typer.Option("--no-titles", help="Pictures alone.")] = False,
) -> None:
    """Make one picture of all stills, with their titles.

    The run may be unfinished; what is missing is left empty. Where it would be too large for one picture, or with
    --per-page, it has several pages: sheet-01.webp and so on.

    \b
    Examples:
      neuron-atlas sheet runs/imagenet
      neuron-atlas sheet runs/imagenet --columns 10 --per-page 100 --output pages/imagenet.png
    """  # noqa: D301
    from renderer.atlas.sheet import make_sheet
    from renderer.display import describe_sheet
    from renderer.media.contact_sheet import SheetStyle

    style = SheetStyle(columns, thumbnail, per_page, titles=not no_titles)
    say("\n".join(describe_sheet(make_sheet(directory, style, output))), err=False)


@app.command()
def evaluate(
    directory: Directory,
    *,
    judges: Annotated[
        list[str] | None,
        typer.Option("--judge", metavar="NETWORK", help="As SOURCE:NAME, or YAML as in the settings; may be repeated."),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", metavar="PATH", help="The judge's weights; with several judges once for each."),
    ] = None,
    worst: Annotated[int, typer.Option("--worst", metavar="N", min=0, help="List what each recognizes worst.")] = 0,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write a row for every picture and network; - is standard output."),
    ] = None,
) -> None:
    """See whether other networks recognize the dreams.

    Scores stills, and each class's last frame in the film, by the network that dreamed and by the judges. The run may
    be unfinished. The scores are kept in evaluation.json and shown on the page; those of earlier judges stay. With
    --csv - the table for people goes to standard error.

    \b
    Examples:
      neuron-atlas evaluate runs/imagenet --judge torchvision:mobilenet_v2
      neuron-atlas evaluate runs/imagenet --judge torchvision:vgg16 --weights vgg16.pth --worst 20
      neuron-atlas evaluate runs/mine --judge '{source: torchvision, name: resnet18, weights: r.pth, classes: r.csv}'
      neuron-atlas evaluate runs/imagenet --csv scores.csv
    """  # noqa: D301
    from renderer.atlas.score_table import check_table_path, score_table
    from renderer.display import print_evaluation
    from renderer.jobs.evaluation import evaluate as evaluate_run
    from renderer.jobs.evaluation import named_networks

    to_output = csv == Path("-")
    if csv and not to_output:
        check_table_path(csv, directory)
    with shown_progress() as progress:
        evaluation = evaluate_run(directory, named_networks(judges or [], weights or []), progress)
    print_evaluation(make_console(stderr=to_output), make_console(stderr=True), evaluation, worst)
    if csv:
        give_text(score_table(evaluation, str(directory)), None if to_output else csv)


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Directories of two runs or more.", parser=read_directory)
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", parser=read_path, help="Where to.  [default: runs/compare-RUN-RUN]"
        ),
    ] = None,
    film: Annotated[bool, typer.Option("--film", help="Make a film of them too.")] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copy stills and films, so that DIR needs no run.")] = False,
) -> None:
    """Show the same targets of several runs side by side.

    On a page, and in one picture; the film has the runs' films in step, or without films their stills one after
    another. The runs are only read, and may be unfinished.

    \b
    Examples:
      neuron-atlas compare runs/squeezenet runs/mobilenet
      neuron-atlas compare runs/seed-0 runs/seed-1 runs/seed-2 --film --copy --output runs/seeds
    """  # noqa: D301
    from renderer.atlas.compare import default_folder, write_comparison
    from renderer.display import describe_comparison

    with shown_progress() as progress:
        compared = write_comparison(runs, output or default_folder(runs), progress, film=film, copy=copy)
    say("\n".join(describe_comparison(compared)), err=False)


@app.command()
def export(
    directory: Directory,
    *,
    kind: Annotated[
        str, typer.Option("--format", metavar="imagefolder", help="Folders by class: train/0007-cock/0007-cock.png.")
    ] = "imagefolder",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", parser=read_path, help="Where to.  [default: DIR-imagefolder]"
        ),
    ] = None,
    split: Annotated[
        float, typer.Option("--split", min=0, max=0.9, help="Share of each class's stills that go to `val`.")
    ] = 0.1,
    size: Annotated[
        int | None,
        typer.Option("--size", metavar="PIXELS", min=8, max=4096, help="Shorter side.  [default: that of the stills]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides which stills go to `val`.")] = 0,
) -> None:
    """Write the stills as a training set for another network.

    Folders by class, as torchvision's ImageFolder and most tools read them; labels.csv with what is known of each
    picture, and the classes in order as classes.txt and classes.json. Ask for several stills of a class first. The
    run is only read, and may be unfinished; an earlier export in the same folder is replaced. Transparent stills are
    laid on gray, and text on stills is left out.

    \b
    Examples:
      neuron-atlas stills emoji --set stills.variants=20 --output runs/many
      neuron-atlas export runs/many
      neuron-atlas export runs/many --split 0.2 --size 64 --output data/dreams
    """  # noqa: D301
    from renderer.atlas.dataset import DatasetStyle, default_place, export_dataset
    from renderer.display import describe_dataset

    if kind != "imagefolder":
        raise UserError(f"--format: {kind!r} is not known; what there is, is imagefolder")
    style = DatasetStyle(split, size, seed)
    with shown_progress() as progress:
        made = export_dataset(directory, style, output or default_place(directory), progress)
    say("\n".join(describe_dataset(made)), err=False)


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
    from renderer.atlas.serve import make_server

    server = make_server(directory, port)
    say(f"{server.address} shows {directory}; Ctrl-C ends it", err=False)
    server.run()


class _Drawings(OptionalValues):
    options: ClassVar[Mapping[str, Callable[[str], bool]]] = {"--plot": is_file_name, "--storyboard": is_file_name}


@app.command(cls=_Drawings)
def check(
    config: Config,
    *,
    output: Output = None,
    overrides: Values = None,
    stills: Annotated[bool, typer.Option("--stills", help="Check for the command `stills`, not for `render`.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Do not load the network or measure its speed.")] = False,
    plot: Annotated[
        str | None,
        typer.Option(
            "--plot",
            metavar="[FILE.png]",
            help="Draw what changes over time, and what is heard. [NAME-plot.png]",
        ),
    ] = None,
    storyboard: Annotated[
        str | None,
        typer.Option("--storyboard", metavar="[FILE.png]", help="Draw the film on paper. [NAME-storyboard.png]"),
    ] = None,
    curves: Annotated[
        Path | None,
        typer.Option("--curves", metavar="FILE.csv", help="Write what is heard as a table, for film.curves."),
    ] = None,
) -> None:
    """Try everything that a render needs.

    Leaves nothing behind. Looks at settings, weights, text, encoder and disk; then renders a little to tell the time,
    and what smaller settings would save. At the end the film is drawn, if that is asked for: a drawing may be replaced
    by a later one, and no other file is.

    \b
    Examples:
      neuron-atlas check imagenet
      neuron-atlas check my.yaml --quick
      neuron-atlas check stills --stills
      neuron-atlas check my.yaml --quick --plot
      neuron-atlas check my.yaml --quick --storyboard board.png --curves heard.csv
    """  # noqa: D301
    from renderer.display import print_finding
    from renderer.jobs.preflight import preflight
    from renderer.store.stored_run import seen_in_store

    console, failed = make_console(), False
    request = make_request(config, output, overrides, restart=False)
    draw = drawing(request, plot, storyboard, curves, quick=quick)
    place = output or Place(request.directory)
    with seen_in_store(place, say, begins=True):
        for finding in preflight(request, film=not stills, quick=quick):
            print_finding(console, replace(finding, text=placed([finding.text], place)))
            failed = failed or finding.state == "failed"
    draw()
    if failed:
        raise typer.Exit(EXIT_WRONG_SETTINGS)


@app.command()
def classes(
    config: Config,
    *,
    overrides: Values = None,
    groups: Annotated[bool, typer.Option("--groups", help="List the groups instead, for `under:NAME`.")] = False,
    as_json: Json = False,
) -> None:
    """List the selected classes in order, or the groups that there are.

    A table on a terminal, tab-separated values elsewhere. Of each group it tells how many of its classes are selected,
    and how many it has.

    \b
    Examples:
      neuron-atlas classes imagenet --set 'classes.select=["*terrier*"]'
      neuron-atlas classes imagenet --json
      neuron-atlas classes imagenet --groups
    """  # noqa: D301
    from renderer.display import class_row, print_table
    from renderer.film.scenes import own_seconds, scenes_of
    from renderer.jobs.choosing import chosen_targets
    from renderer.store.config_files import load_config
    from renderer.targets.grouping import group_rows

    settings = load_config(config, overrides or []).settings
    chosen = chosen_targets(settings)
    if groups:
        rows = group_rows(settings.network.known_targets(), chosen)
    else:
        seconds = own_seconds(settings.film, scenes_of(settings, chosen), chosen)
        rows = [class_row(place, target, seconds.get(target.key)) for place, target in enumerate(chosen)]
    if as_json:
        give_json(rows)
    elif rows:
        print_table(make_console(), rows)
    else:
        say("the network's list has no groups")


@app.command()
def networks(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NETWORK]",
            help="A network of torchvision by name, SOURCE:NAME, the section `network` as YAML, a file that ends in "
            ".yaml, or a shipped configuration.",
            show_default=False,
        ),
    ] = None,
    *,
    layers: Annotated[bool, typer.Option("--layers", help="List its layers, with what they answer.")] = False,
) -> None:
    """List what can dream here, or what one network consists of.

    The network that comes along, those of torchvision with the names of their weights, and how others are named. Of one
    network, its input and outputs; with --layers, each layer with the shape of its answer (channels, height and width),
    for `network.targets`.

    \b
    Examples:
      neuron-atlas networks
      neuron-atlas networks mobilenet_v2 --layers
      neuron-atlas networks timm:resnet50.a1_in1k
      neuron-atlas networks mine.yaml --layers
    """  # noqa: D301
    from renderer.display import print_table

    print_table(make_console(), network_rows(name, layers=layers))


def _show_version(*, wanted: bool) -> None:
    if wanted:
        from renderer.store.run_file import current_versions

        typer.echo(f"neuron-atlas {current_versions()['neuron-atlas']}")
        raise typer.Exit
