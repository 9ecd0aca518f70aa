"""The frames of a clip, shown as the film shows them, and encoded in one form or another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from renderer.atlas.seen import SeenRun
from renderer.common.errors import UserError
from renderer.common.ffmpeg import frame_rate
from renderer.common.progress import Amount, Progress
from renderer.common.wording import listed
from renderer.film.tasks import Picture
from renderer.jobs.cuts import Cut
from renderer.jobs.presenting import Presenter
from renderer.media.clip_forms import Form, Kind
from renderer.media.cropping import Cropping, Size
from renderer.media.joining import write_film
from renderer.settings.sections import Video
from renderer.store.run import Run


@dataclass(frozen=True)
class Footage:
    """What a clip is made of.

    Attributes:
        run: The run; its settings say what text there is.
        cuts: The pieces of its film.
        kind: The kind of file.
        cropping: What is shown of the frames.
        of_classes: Whether classes were chosen, so that what text says of the class before and after is of these.
    """

    run: Run
    cuts: Sequence[Cut]
    kind: Kind
    cropping: Cropping
    of_classes: bool

    @cached_property
    def titles(self) -> dict[int, str]:
        """Titles of what is shown, in order, by the place in the film."""
        places = dict.fromkeys(cut.segment.position for cut in self.cuts)
        return {place: self.run.targets[place].title for place in places}

    def count(self, form: Form) -> int:
        """How many frames a clip of this form has: it lasts as long as the cuts."""
        frames = sum(cut.frames for cut in self.cuts)
        return max(1, round(frames * frame_rate(form.fps) / frame_rate(self.run.settings.film.fps)))


@dataclass(frozen=True)
class Clip:
    """A clip that has been encoded.

    Attributes:
        path: The file.
        form: How it was encoded.
        size: Width and height in pixels.
        frames: How many it has.
        bytes: Size of the file.
        tries: How many were encoded until one was small enough.
    """

    path: Path
    form: Form
    size: Size
    frames: int
    bytes: int
    tries: int = 1

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return float(self.frames / frame_rate(self.form.fps))

    @property
    def described(self) -> str:
        """Its size, pace and quality, in words."""
        return f"{self.size[0]}x{self.size[1]}, {self.form.fps:.3g} frames a second, quality {self.form.quality}"


def encode(footage: Footage, form: Form, path: Path, progress: Progress) -> Clip:
    """Encode a clip, whole or not at all.

    Args:
        footage: What it is made of.
        form: How it is encoded.
        path: The file to be, in a folder that is there.
        progress: Is told how far it is.

    Raises:
        UserError: The font cannot be read.
        EncodingError: ffmpeg failed.
        OSError: The file cannot be written.
    """
    size, count, kind = footage.cropping.scaled(form.width), footage.count(form), footage.kind
    title = listed(list(footage.titles.values()))
    video = Video(codec=kind.codec, quality=form.quality, chapters=False, subtitles=False, title=title)
    progress.begin("frames", total=Amount(count, len(footage.titles)), done=Amount(0, 0))
    write_film(path, _told(footage, _shown(footage, form, size), progress), (), size, form.fps, video)
    progress.end()
    return Clip(path, form, size, count, path.stat().st_size)


def _told(footage: Footage, frames: Iterable[tuple[int, Picture]], progress: Progress) -> Iterator[Picture]:
    """The frames, of each of which progress is told; they come with their places in the film."""
    places, done, title = list(footage.titles), 0, ""
    for place, picture in frames:
        yield picture
        ended, title = places.index(place), footage.titles[place]
        progress.advance(Amount(1, ended - done), [title])
        done = ended
    progress.advance(Amount(0, len(places) - done), [title])


def _shown(footage: Footage, form: Form, size: Size) -> Iterator[tuple[int, Picture]]:
    """The frames with their text, evenly chosen where there are fewer per second than in the film."""
    presenter = Presenter(footage.run, size)
    pace = frame_rate(footage.run.settings.film.fps) / frame_rate(form.fps)
    chosen = {int(number * pace) for number in range(footage.count(form))}
    seen, begun = SeenRun(footage.run), 0
    for cut in footage.cuts:
        segment, record = cut.segment, seen.segment(cut.segment)
        if record is None:
            raise UserError(f"{segment.name}: removed or damaged while the clip was made; run the same command again")
        texts = presenter.texts(segment, record, list(footage.titles) if footage.of_classes else None)
        with closing(presenter.mixed(record, *presenter.seam(segment, seen), cut.first)) as frames:
            for number, picture in enumerate(islice(frames, cut.frames)):
                if begun + number in chosen:
                    fitted = footage.cropping.of(picture, size)
                    yield segment.position, presenter.write(fitted, segment, cut.first + number, texts)
        begun += cut.frames
