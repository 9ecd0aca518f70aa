"""The settings: frozen, checked, plain data. One class a section of the YAML file.

Every field carries its meaning, unit and range here and nowhere else: `docs/settings.md` and the messages about wrong
settings are made from these models. Values come from JSON-like data and are taken strictly: text is no number.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from PIL import ImageColor
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from renderer.common.over_time import OVER_TIME, over_time
from renderer.common.section import Section
from renderer.dream.dreaming import Dream
from renderer.networks.sources import AnyNetwork
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.starts import AnyStart
from renderer.starts.noise import NoiseStart
from renderer.targets.class_outputs import ClassOutputs
from renderer.targets.selection import Classes

_LONGEST_TEXT = 10_000
LONGEST_CLASS = 3600
"""In seconds."""


def _as_switch(value: Any) -> Any:
    """Read YAML 1.1's words for true and false, which YAML 1.2 takes for text, where a switch is asked for."""
    return {"on": True, "yes": True, "off": False, "no": False}.get(str(value).lower(), value)


def _named_color(value: Any) -> Any:
    """Turn one of CSS's names of colors into `#rrggbb`, or give what it is not."""
    is_name = isinstance(value, str) and value.lower() in ImageColor.colormap
    return "#{:02x}{:02x}{:02x}".format(*ImageColor.getrgb(value)) if is_name else value


def _not_endless(text: str) -> str:
    """Refuse what no player shows, and what is too long for the command line of ffmpeg."""
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"has {len(text):,} characters; write {_LONGEST_TEXT:,} at most")
    return text


def _listed(value: Any) -> Any:
    """Take a single name for a list of it."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Switch = Annotated[bool, BeforeValidator(_as_switch)]
Codec = Literal["h264", "h265", "av1", "vp9", "prores", "ffv1", "gif", "webp", "png"]
"""Names of the codecs; `media/codecs.py` has a row for each."""

Color = Annotated[
    str,
    BeforeValidator(_named_color),
    Field(pattern=r"^#[0-9a-fA-F]{6}$"),
    WithJsonSchema({"type": "string", "pattern": "^(#[0-9a-fA-F]{6}|[a-zA-Z]+)$", "examples": ["#ffcc00", "gold"]}),
]
Pixels = Annotated[int, Field(ge=16, le=16384)]
Shares = Annotated[float, Field(ge=-100, le=100), OVER_TIME]
Text = Annotated[str, AfterValidator(_not_endless)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
MOST_THREADS = 1024
Threads = Annotated[int, Field(ge=1, le=MOST_THREADS)]
Place = Annotated[float, Field(ge=-1, le=2), OVER_TIME]
MoveName = Literal["in", "out", "spiral", "drift", "still"]
"""Names of the camera's moves; `film/paths.py` says what they stand for."""

MovePath = Annotated[
    tuple[MoveName, ...],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=1000),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(get_args(MoveName))},
                {"type": "array", "items": {"type": "string", "enum": list(get_args(MoveName))}, "minItems": 1},
            ]
        }
    ),
]
Precision = Literal["float32", "bfloat16"]
Projection = Literal["flat", "equirectangular"]


class DreamedFilm(Section):
    """Size, speed and succession of a film: what its frames are dreamed by."""

    width: Pixels = Field(512, description="Width of the film in pixels.")
    height: Pixels = Field(512, description="Height of the film in pixels.")
    fps: float = Field(
        25.0,
        ge=1,
        le=240,
        description="Frames per second. Each has `dream.steps_per_frame` steps, so with fewer of them give each more.",
    )
    seconds_per_class: float = Field(
        2.0, gt=0, le=LONGEST_CLASS, description="How long each class is shown, in seconds."
    )
    projection: Projection = Field(
        "flat",
        description="What a frame shows: a `flat` picture; or with `equirectangular` all directions, for headsets and "
        "players that let one look around, with a width of twice the height. Then the camera turns as `motion` says, "
        "the text stands before it, and `dream.canvas` has no meaning; `docs/panorama.md` tells more. Fresh stills are "
        "always flat.",
    )
    transition: Literal["carry", "reset", "crossfade"] = Field(
        "carry",
        description="How a class begins: `carry` from the last frame of the class before, `reset` from the start "
        "picture, `crossfade` from the start picture while the class before fades out.",
    )
    crossfade_seconds: float = Field(
        0.5, ge=0, le=60, description="Length of a crossfade, also of the one between two chains, in seconds."
    )
    forget: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="With `carry`, the share of its contrast that the picture loses in the first quarter of a second "
        "of a class: the more, the less the class is built from the one before.",
    )
    blend_seconds: float = Field(
        0.0,
        ge=0,
        le=3600,
        description="With `carry`, how long the film walks from one class to the next, in seconds: both are dreamed "
        "toward, the one ever less and the other ever more; never longer than a class. With 0 the next one begins at "
        "once.",
    )
    lead_in_seconds: float = Field(
        1.0,
        ge=0,
        le=60,
        description="With `carry` or `crossfade`, how long a chain dreams the class before its first one, unseen, so "
        "that it can begin as if it had been carried on, in seconds.",
    )
    chains: Literal["auto"] | Annotated[int, Field(ge=1, le=1000)] = Field(
        "auto",
        description="Into how many runs of neighboring classes the film is divided; they are computed together. `auto` "
        "depends on the number of classes alone: one for each 25, at most 64.",
    )

    loop: Switch = Field(
        default=False,
        description="Let the film's end grow into its beginning, so that it can be shown again and again without a "
        "jump: the first class grows out of the last one, as every other one does out of the one before, and the end "
        "fades over to where that began. Not for a start that is a film; with `reset`, that border is as hard as all "
        "others. A player has to be told to repeat it; `gif` and `webp` repeat by themselves.",
    )

    @model_validator(mode="after")
    def _refuse_loops_with_a_jump(self) -> Self:
        fades = min(self.lead_in_seconds, self.crossfade_seconds) * self.fps >= 1
        if self.loop and self.transition != "reset" and not fades:
            raise ValueError(
                "loop: the end fades into a lead-in of the last class, and both lead_in_seconds and crossfade_seconds "
                f"must be a frame at least, {1 / self.fps:.3g} s; raise them, or set loop to false"
            )
        return self

    @model_validator(mode="after")
    def _refuse_other_proportions(self) -> Self:
        if self.projection == "equirectangular" and self.width != 2 * self.height:
            remedy = f"set height to {self.width // 2}" if self.width % 2 == 0 else f"set width to {2 * self.height}"
            raise ValueError(
                f"width and height: an equirectangular film is twice as wide as high, not {self.width}x{self.height}; "
                f"{remedy}"
            )
        return self


class Film(DreamedFilm):
    """Size, speed and succession of the film."""

    clean_frames: Literal["lossless", "drop"] | Annotated[int, Field(ge=0, le=39)] = Field(
        4,
        description="How the dreamed frames are kept, before text and encoding, so that `overlay` and `video` can be "
        "changed without dreaming again: the quality, as that of `video.quality`; `lossless`; or `drop`, and they are "
        "removed once the film's segments are encoded.",
    )
    beats_per_class: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Let each class begin on a beat of the sound, so many beats after the one before, whatever "
        "`seconds_per_class` says; the first one begins with the film. It needs `video.audio`, or `film.curves`.",
    )
    curves: Path | None = Field(
        None, description="CSV file of curves that take the place of those of the sound, or add to them."
    )


class Motion(Section):
    """The camera's move, per second, so that the frame rate does not change it."""

    zoom: float = over_time(1.15, ge=0.2, le=5.0, description="Factor per second; above 1 zooms in, below 1 out.")
    rotate: float = over_time(3.0, ge=-360, le=360, description="Degrees per second, counterclockwise.")
    pan: tuple[Shares, Shares] = Field(
        (0.0, 0.0), description="Share of the width and of the height per second that the camera moves right and down."
    )
    easing: Literal["linear", "smooth"] = Field(
        "linear",
        description="`linear` moves evenly; `smooth` rests at the borders of a class and is fastest in its middle, and "
        "covers the same way in the same time.",
    )
    center: tuple[Place, Place] = Field(
        (0.5, 0.5),
        description="The point toward which the camera zooms and around which it turns: shares of the width from the "
        "left and of the height from the top. It may be outside of the picture; in a panorama it is a direction.",
    )
    shake: float = over_time(
        0.0,
        ge=0,
        le=0.5,
        description="How far the camera shakes, as a share of the picture's shorter side: a smooth random way around "
        "where it would be, a few times a second, which follows from `run.seed`.",
    )
    path: MovePath | None = Field(
        None,
        description="Moves by name, one a class and then from the first one on; a single name is for all. `in` and "
        "`out` zoom, `spiral` zooms in and turns, `drift` goes slowly to the side, `still` rests. Within half a second "
        "one goes over into the next. `zoom`, `rotate` and `pan` come on top of them, and are 1, 0 and 0 with a path "
        "unless you set them.",
    )


class Overlay(Section):
    """Text over the frames."""

    lines: tuple[str, ...] = Field(
        ("{previous.title}", "{title}", "{next.title}"),
        max_length=20,
        description="Templates, one a line; an empty list writes nothing. Fields: `title`, `index`, `wnid`, "
        "`synonyms`, `group`, also of `previous` and `next`; `position`, `count`; `logit`, `probability`, `rank`; "
        "`top.0.title`, `top.0.probability` and so on to `top.4`. Formats are Python's: `{index:04d}`, "
        "`{probability:.0%}`. A line whose values are all missing is empty.",
    )
    position: Literal["top", "center", "bottom"] = Field("bottom", description="Where the lines stand.")
    font: Path | None = Field(None, description="TrueType or OpenType file; without it, the font that comes along.")
    size: float = over_time(
        0.06, gt=0, le=0.5, description="Height of the large line as a share of the frame's height."
    )
    small: float = over_time(
        0.55, gt=0, le=2, description="Size of the other lines as a share of the middle, large one's."
    )
    color: Color = Field("#ffffff", description="Color of the text, `#rrggbb` or a name that CSS has.")
    outline: Color = Field("#000000", description="Color of the outline, likewise.")
    outline_width: float = over_time(
        0.09, ge=0, le=0.5, description="Width of the soft outline as a share of the text's size."
    )
    opacity: float = over_time(1.0, ge=0, le=1, description="Opacity of the large line.")
    small_opacity: float = over_time(0.8, ge=0, le=1, description="Opacity of the other lines.")
    margin: float = over_time(
        0.04, ge=0, le=0.4, description="Distance from the border as a share of the frame's height."
    )
    fade_seconds: float = Field(0.2, ge=0, le=60, description="Time in which the text of a class appears and goes.")


class Video(Section):
    """The file format of the film."""

    codec: Codec = Field(
        "h264",
        description="`h264` plays everywhere; `prores` and `ffv1` are for editing; `gif` and `webp` for the web; `png` "
        "is a folder of pictures.",
    )
    quality: int = Field(
        18,
        ge=0,
        le=63,
        description="Constant rate factor of h264, h265 (up to 51), av1 and vp9: lower is better and larger. "
        "For webp it is turned into its own quality: 0 becomes 100, 63 becomes 0. A gif has 256 colors up to 18, and "
        "32 with 63.",
    )
    audio: Path | None = Field(
        None, description="Sound file, looped or cut to the film's length; not for `gif`, `webp` and `png`."
    )
    chapters: Switch = Field(default=True, description="Write one chapter a class.")
    subtitles: Switch = Field(
        default=True,
        description="Write the titles as `atlas.vtt`, and as a subtitle track, shown when a viewer asks for it.",
    )
    title: Text | None = Field(None, description="Title in the film's metadata; by default the config's name.")
    comment: Text | None = Field(None, description="Comment in the film's metadata; by default how it was made.")


class Stills(Section):
    """One picture a class."""

    fresh: Switch = Field(
        default=False,
        description="Let `render` dream stills of their own, as `stills` does, instead of the film's last frames.",
    )
    width: Pixels = Field(512, description="Width of a fresh still in pixels.")
    height: Pixels = Field(512, description="Height of a fresh still in pixels.")
    steps: int = Field(512, ge=1, le=100000, description="Ascent steps for a fresh still.")
    smooth: float = Field(
        0.5,
        ge=0,
        le=10,
        description="Standard deviation, in pixels, of the blur that takes the grain from a finished fresh still.",
    )
    retries: int = Field(
        1,
        ge=0,
        le=100,
        description="Further tries at a fresh still, each with another seed, where the network does not put its class "
        "first or the dream was dead.",
    )
    variants: int = Field(
        1,
        ge=1,
        le=100,
        description="How many fresh stills each class gets, with different seeds; the best comes first, the others are "
        "its facets.",
    )
    diversity: float = Field(
        10.0,
        ge=0,
        le=10000,
        description="Weight by which the variants of a class are kept apart, each from those before it: what is "
        "subtracted where one is like another in all. With 0 they differ by their seeds alone.",
    )
    alpha: Switch = Field(
        default=False,
        description="Fresh stills with a transparent background: opaque where the gradients have gone, around the "
        "things. Not together with `overlay`.",
    )
    overlay: Switch = Field(default=False, description="Write the film's text on the stills too.")
    logits: Switch = Field(
        default=False,
        description="Write all outputs of the network for each still, before the softmax, as `logits.npy`; "
        "`logits.json` names its rows and columns. It changes no picture. Not together with `overlay`.",
    )

    @model_validator(mode="after")
    def _refuse_text_on_nothing(self) -> Self:
        if self.alpha and self.overlay:
            raise ValueError("alpha and overlay: there is no text on transparent stills; set one of them to false")
        if self.logits and self.overlay:
            raise ValueError("logits and overlay: the network would read the text too; set one of them to false")
        return self


class Page(Section):
    """The web page."""

    title: Text | None = Field(None, description="Heading of the page; by default the config's name.")


def _as_seconds(value: Any) -> Any:
    """Read a duration such as `2min`, or give what it is not."""
    found = re.match(_DURATION, value) if isinstance(value, str) else None
    return float(found[1]) * _SECONDS[found[2]] if found else value


_DURATION = r"^\s*(\d+(?:\.\d+)?)\s*(s|min|h)\s*$"
_SECONDS = {"s": 1, "min": 60, "h": 3600}
Duration = Annotated[
    float,
    BeforeValidator(_as_seconds),
    Field(ge=0, le=86400),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 86400},
                {"type": "string", "pattern": _DURATION, "examples": ["90s", "2min", "1h"]},
            ]
        }
    ),
]

Device = Annotated[
    str, Field(pattern=r"^(auto|cpu|mps|cuda(:(0|[1-9][0-9]?))?)$", examples=["auto", "cpu", "mps", "cuda", "cuda:0"])
]


class Run(Section):
    """How the computer is used."""

    seed: Seed = Field(0, description="Seed of all that is random.")
    device: Device | Annotated[tuple[Device, ...], Field(min_length=1, max_length=64)] = Field(
        "auto",
        description="`cpu`, `cuda`, `cuda:0`, `mps`, a list of them to share the chains among, or `auto` for the best.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Arithmetic of the network: `float32` or `bfloat16`. `auto` takes bfloat16 where every device "
        "computes it itself (processors with AVX512-BF16 or AMX, NVIDIA cards from Ampere on), else float32; a run "
        "keeps what it was begun with.",
    )
    threads: Literal["auto"] | Threads = Field(
        "auto",
        description="How many threads of the processor compute together; another number gives slightly other pixels. "
        "`auto` is the number of cores that the program may use, or OMP_NUM_THREADS; a run keeps what it was begun "
        "with.",
    )
    batch: int = Field(
        16,
        ge=1,
        le=1024,
        description="Most pictures in one batch. A graphics card computes a batch at once, and in smaller turns where "
        "its memory does not hold it; a processor computes two pictures a thread.",
    )
    segment_seconds: float = Field(
        10.0,
        ge=0.1,
        le=3600,
        description="Longest piece of one class that has files of its own, in film time; a crossfade between two "
        "classes is kept whole.",
    )
    lose_at_most: Duration = Field(
        120.0,
        description="How much work an interruption may cost, in seconds, or as in `90s`, `2min`, `1h`: that often at "
        "least, it is saved how far pictures are that take longer.",
    )


class Settings(Section):
    """All settings of a run."""

    network: AnyNetwork = EmbeddedNetwork()
    classes: Classes = Classes()
    film: Film = Film()
    start: AnyStart = NoiseStart()
    motion: Motion = Motion()
    dream: Dream = Dream()
    overlay: Overlay = Overlay()
    video: Video = Video()
    stills: Stills = Stills()
    page: Page = Page()
    run: Run = Run()

    @field_validator("dream")
    @classmethod
    def _refuse_whole_panoramas(cls, dream: Dream, others: ValidationInfo) -> Dream:
        film = others.data.get("film")
        if film and film.projection == "equirectangular" and not dream.parameterization.is_of_views:
            raise ValueError(
                "with film.projection equirectangular, frames are dreamed in views, for which parameterization must be "
                "{kind: fourier, frames: views}; choose another preset, or leave parameterization out"
            )
        return dream

    @model_validator(mode="after")
    def _refuse_loops_of_films(self) -> Self:
        if self.film.loop and self.start.moves:
            raise ValueError(
                "film.loop: a film that starts from another one ends where that one does, and cannot grow into its "
                "beginning; set film.loop to false, or choose another start"
            )
        return self

    @model_validator(mode="after")
    def _refuse_mask_of_no_class(self) -> Self:
        if self.start.masked == "class" and self.network.targets != ClassOutputs():
            raise ValueError("start.mask: class looks for a class, and network.targets are none; leave one of them out")
        return self

    @model_validator(mode="after")
    def _refuse_to_stay_near_what_cannot_be_held(self) -> Self:
        kind = self.dream.parameterization.model_dump()["kind"]
        if kind in {"maco", "generator"} and (self.start.held or self.start.masked):
            raise ValueError(
                f"start.keep and start.mask: a picture that is held as {kind} cannot be a photograph; leave them out, "
                "or choose another dream.parameterization"
            )
        return self
