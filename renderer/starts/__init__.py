"""Where pictures begin, one module a kind: the one place where a new kind is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from renderer.common.section import one_of
from renderer.starts.film_start import FilmStart
from renderer.starts.noise import NoiseStart
from renderer.starts.picture import PictureStart
from renderer.starts.start import StartKind

STARTS: tuple[type[StartKind], ...] = (NoiseStart, PictureStart, FilmStart)

if TYPE_CHECKING:
    AnyStart = StartKind
else:
    AnyStart = one_of(STARTS, "kind")
