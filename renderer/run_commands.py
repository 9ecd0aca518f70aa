"""The commands that render a run, look at how far it is, and make its film and page again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from renderer.command_parts import (
    EXIT_INCOMPLETE,
    Config,
    Directory,
    Json,
    Output,
    PreviewWanted,
    Ray,
    RayWorkers,
    Restart,
    RunPlace,
    Shard,
    Shared,
    Strict,
    Values,
    Yes,
    app,
    begin_request,
    conclude,
    give_json,
    make_request,
    placed,
    say,
    shared,
    shown_progress,
)
from renderer.common.errors import UserError
from renderer.store.log_file import keep_log
from renderer.store.paths import RunPaths
from renderer.store.place import Place, read_directory, read_path, read_place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from renderer.common.progress import Progress
    from renderer.jobs.commands import Outcome, Request
    from renderer.jobs.previewing import Product


@app.command(cls=Shared)
def render(
    config: Config,
    *,
    output: Output = None,
    overrides: Values = None,
    restart: Restart = False,
    yes: Yes = False,
    strict: Strict = False,
    preview: PreviewWanted = False,
    shard: Shard = None,
    ray: Ray = None,
    ray_workers: RayWorkers = None,
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
      neuron-atlas render imagenet --shard 3/16 --output /shared/imagenet
      neuron-atlas render imagenet --output s3://bucket/imagenet
      neuron-atlas render imagenet --ray auto
    """  # noqa: D301  typer wants \b as it is
    from renderer.jobs.commands import render as render_run

    if shard is not None:
        _refuse_beside_shard({"--preview": preview, "--strict": strict, "--ray": ray is not None})
        request = make_request(config, output, overrides, restart=restart, yes=yes)
        _compute_shard(shard, request, output or Place(request.directory), film=True)
        return
    product: Product | None = "film" if preview else None
    request, say_more = begin_request(config, output, overrides, restart=restart, yes=yes, preview=product)
    with shared(request, ray, ray_workers) as asked:
        _carry_out(render_run, asked, output or Place(request.directory), strict=strict, then=say_more)


@app.command(cls=Shared)
def stills(
    config: Config,
    *,
    output: Output = None,
    overrides: Values = None,
    restart: Restart = False,
    yes: Yes = False,
    strict: Strict = False,
    preview: PreviewWanted = False,
    shard: Shard = None,
    ray: Ray = None,
    ray_workers: RayWorkers = None,
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

    if shard is not None:
        _refuse_beside_shard({"--preview": preview, "--strict": strict, "--ray": ray is not None})
        request = make_request(config, output, overrides, restart=restart, yes=yes)
        _compute_shard(shard, request, output or Place(request.directory), film=False)
        return
    product: Product | None = "stills" if preview else None
    request, say_more = begin_request(config, output, overrides, restart=restart, yes=yes, preview=product)
    with shared(request, ray, ray_workers) as asked:
        _carry_out(render_stills, asked, output or Place(request.directory), strict=strict, then=say_more)


def _carry_out(
    make: Callable[[Request, Progress], Outcome],
    request: Request,
    place: Place,
    *,
    strict: bool,
    then: Callable[[], None],
) -> None:
    """Make what is asked for, and say what has come of it."""
    from renderer.store.stored_run import kept_in_store, to_go_on

    keep_log(RunPaths(request.directory))
    with shown_progress() as progress, kept_in_store(place, progress.note, to_go_on):
        outcome = make(request, progress)
    then()
    conclude(outcome, place, strict=strict)


def _refuse_beside_shard(given: Mapping[str, bool]) -> None:
    """Refuse options that are about a whole run; raises UserError."""
    for option, is_given in given.items():
        if is_given:
            raise UserError(f"{option}: is about the whole run, and not for --shard; leave one of them out")


def _compute_shard(text: str, request: Request, whole: Place, *, film: bool) -> None:
    """Compute one of several parts, and say what has come of it."""
    from renderer.display import describe_shard
    from renderer.jobs.sharding import own_files, read_shard, render_shard
    from renderer.store.stored_run import kept_in_store

    shard = read_shard(text)
    place, needs = whole.of_shard(shard.name), partial(own_files, shard=shard)
    request = replace(request, directory=place.directory)
    keep_log(RunPaths(request.directory, shard.name))
    with shown_progress() as progress, kept_in_store(place, progress.note, needs, gives_way=True):
        outcome = render_shard(request, shard, progress, film=film)
    say(placed(describe_shard(outcome), place), err=False)
    if outcome.failures:
        raise typer.Exit(EXIT_INCOMPLETE)


@app.command()
def dream(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A photograph, of any format that Pillow reads.")],
    *,
    entry: Annotated[
        str | None,
        typer.Option("--class", metavar="CLASS", help="A class by title, number or wnid: more of it is dreamed in."),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="LAYER", help="A layer: more of what it sees.  [default: one that suits]"),
    ] = None,
    guide: Annotated[
        Path | None,
        typer.Option("--guide", metavar="FILE", help="Another picture: the layer is to see what it sees in that one."),
    ] = None,
    iterations: Annotated[int, typer.Option("--iterations", metavar="N", min=1, max=100_000, help="Steps.")] = 10,
    keep: Annotated[
        float, typer.Option("--keep", metavar="SHARE", min=0, max=1, help="How near it stays, from 0 to 1.")
    ] = 0.3,
    size: Annotated[
        int, typer.Option("--size", metavar="PIXELS", min=16, max=16384, help="Longest side of the dream, at most.")
    ] = 1024,
    network: Annotated[
        str, typer.Option("--network", metavar="NETWORK", help="What dreams, as for the command `networks`.")
    ] = "squeezenet1_1",
    weights: Annotated[Path | None, typer.Option("--weights", metavar="PATH", help="Its weights.")] = None,
    overrides: Values = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A .png, .jpg or .webp file.  [default: beside it]"),
    ] = None,
    strip: Annotated[
        Path | None,
        typer.Option("--strip", metavar="FILE", help="Also the photograph beside what 10 and 50 iterations give."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Dream one photograph, without any configuration.

    With a class, the photograph becomes more like it; else a layer of the network amplifies what it sees. The weights
    of the network (5 MB) are downloaded once.

    \b
    Examples:
      neuron-atlas dream cat.jpg
      neuron-atlas dream cat.jpg --class tabby --iterations 50 --keep 0.4
      neuron-atlas dream clouds.jpg --layer features.12 --iterations 30 --strip clouds-strip.png
      neuron-atlas dream face.jpg --guide flowers.jpg --iterations 50 --output flower-face.png
      neuron-atlas dream cat.jpg --class "cat face" --network embedded
    """  # noqa: D301
    from renderer.display import describe_photo
    from renderer.jobs.photo import PhotoWish, dream_photo

    wish = PhotoWish(
        photo=picture,
        entry=entry,
        layer=layer,
        guide=guide,
        iterations=iterations,
        keep=keep,
        size=size,
        network=network,
        weights=None if weights is None else str(weights),
        overrides=tuple(overrides or ()),
        output=output,
        strip=strip,
        force=force,
    )
    with shown_progress() as progress:
        made = dream_photo(wish, progress)
    say("\n".join(describe_photo(made)), err=False)


@app.command()
def status(place: RunPlace, *, as_json: Json = False) -> None:
    """Say what is done, what is left and how long it takes.

    Of a run in a store no more than its records is fetched; whether another machine is at work on it cannot be told.

    \b
    Examples:
      neuron-atlas status runs/imagenet
      neuron-atlas status runs/imagenet --json
      neuron-atlas status s3://bucket/imagenet
    """  # noqa: D301
    from renderer.display import describe_status
    from renderer.jobs.status import run_status, status_data
    from renderer.store.stored_run import seen_in_store

    with seen_in_store(place, say):
        found = run_status(place.directory)
    if as_json:
        data = status_data(found, place.directory)
        give_json({key: placed([value], place) if isinstance(value, str) else value for key, value in data.items()})
    else:
        say(placed(describe_status(found, place.directory, is_local=place.url is None), place), err=False)


@app.command()
def assemble(place: RunPlace) -> None:
    """Make the film from the segments that are there.

    The run may be unfinished; the film then shows what is done.

    \b
    Examples:
      neuron-atlas assemble runs/imagenet
      neuron-atlas assemble s3://bucket/imagenet
    """  # noqa: D301
    from renderer.jobs.commands import assemble as assemble_run
    from renderer.store.stored_run import kept_in_store, to_show

    keep_log(RunPaths(place.directory))
    with shown_progress() as progress, kept_in_store(place, progress.note, to_show, begins=False):
        outcome = assemble_run(place.directory, progress)
    conclude(outcome, place)


@app.command()
def fetch(
    url: Annotated[Place, typer.Argument(metavar="URL", help="URL of a run in a store.", parser=read_place)],
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to.  [default: runs/NAME]", parser=read_directory)
    ] = None,
) -> None:
    """Copy a run from a store into a directory, for the commands that work on what is on the disk.

    What is there already is not copied again, so that an interrupted command, or a run that has grown, goes on.

    \b
    Examples:
      neuron-atlas fetch s3://bucket/imagenet
      neuron-atlas fetch s3://bucket/imagenet runs/copy
    """  # noqa: D301
    from renderer.store.fetching import fetch_run

    with shown_progress() as progress:
        fetched = fetch_run(url, directory, progress.note)
    say(f"{fetched}: the copy", err=False)


@app.command()
def page(place: RunPlace) -> None:
    """Make the web page anew.

    The run may be unfinished; the page then shows what is done.

    \b
    Examples:
      neuron-atlas page runs/imagenet
      neuron-atlas page s3://bucket/imagenet
    """  # noqa: D301
    from renderer.jobs.commands import make_page
    from renderer.store.stored_run import kept_in_store, to_show

    with shown_progress() as progress, kept_in_store(place, progress.note, to_show, begins=False):
        outcome = make_page(place.directory, progress)
    conclude(outcome, place)


@app.command()
def clip(
    directory: Directory,
    classes: Annotated[
        list[str] | None,
        typer.Argument(metavar="CLASS", help="As in classes.select: an index, title, glob, wnid or under:GROUP."),
    ] = None,
    *,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Where it begins in the film: 75, 1:15 or 0:01:15.5.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Where it ends.  [default: the end of the film]")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--format", metavar="mp4|webp|gif", help="[default: that of --output, or mp4]")
    ] = None,
    width: Annotated[
        int | None,
        typer.Option("--width", metavar="PIXELS", min=16, max=4096, help="[default: the film's; webp, gif: up to 320]"),
    ] = None,
    crop: Annotated[
        str | None, typer.Option("--crop", metavar="W:H", help="Show the middle in this proportion, such as 9:16.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option("--fps", min=1, max=240, help="Frames per second.  [default: the film's; webp up to 25, gif 15]"),
    ] = None,
    under: Annotated[
        str | None, typer.Option("--under", metavar="SIZE", help="Make the file smaller than 4MB, 500KB or 3.5MiB.")
    ] = None,
    no_text: Annotated[bool, typer.Option("--no-text", help="Pictures alone.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            parser=read_path,
            help="A .mp4, .webp or .gif file.  [default: DIR-clip.mp4]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Make a short piece of the film for a friend.

    Some classes, or a span of time; else the first 10 seconds. Text is written anew, so it fits whatever the size. The
    run may be unfinished, or be rendered right now. MP4 plays everywhere and is by far the smallest; WebP and GIF move
    by themselves in chats and on pages, and go on forever. There is no sound.

    \b
    Examples:
      neuron-atlas clip runs/quickstart panda "tropical fish"
      neuron-atlas clip runs/imagenet --from 0:10 --to 0:25 --crop 9:16
      neuron-atlas clip runs/imagenet '*terrier*' --under 4MB --output terriers.webp
      neuron-atlas clip runs/imagenet 281 --format gif --width 240 --fps 10 --no-text
    """  # noqa: D301
    from renderer.common.quantities import read_bytes, read_proportion, read_time
    from renderer.display import describe_clip
    from renderer.jobs.clipping import Wish, make_clip

    wish = Wish(
        classes=tuple(classes or ()),
        start=read_time("--from", start) if start is not None else None,
        end=read_time("--to", end) if end is not None else None,
        kind=kind,
        width=width,
        proportion=read_proportion("--crop", crop) if crop is not None else None,
        fps=fps,
        under=read_bytes("--under", under) if under is not None else None,
        text=not no_text,
        output=output,
        force=force,
    )
    with shown_progress() as progress:
        made = make_clip(directory, wish, progress)
    say("\n".join(describe_clip(made)), err=False)
