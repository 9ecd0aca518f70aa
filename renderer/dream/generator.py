"""Settings of a picture that a decoder draws, whose code is dreamed instead of its pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator

from renderer.common.digests import bytes_digest, data_digest, file_digest
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file
from renderer.dream.parameterization_kind import ParameterizationKind
from renderer.networks.python_functions import FUNCTION, PythonFunction

if TYPE_CHECKING:
    import torch

    from renderer.dream.parameterizations import Parameterization

KEY = "dream.parameterization.decoder"

_SHIPPED = {"emoji": "renderer.networks.emoji_decoder:emoji_decoder"}
"""Decoders that are part of this package, by name."""
_SHIPPED_WEIGHTS = files("renderer.networks") / "data" / "emoji_decoder.safetensors"


class GeneratorParameterization(ParameterizationKind):
    """The code of a decoder network: only what that can draw is dreamed (Nguyen et al. 2016, arXiv 1605.09304)."""

    holds_any: ClassVar[bool] = False

    kind: Literal["generator"] = Field(
        "generator", description="A decoder's code: only what the decoder can draw is dreamed. For stills alone."
    )
    decoder: str = Field(
        min_length=1,
        max_length=4096,
        examples=["emoji", "package.module:function", "decoder.pt2"],
        description="The decoder: `emoji`, which comes along; a Python function without arguments that returns a "
        "`torch.nn.Module`; or a file of `torch.export.save` (`.pt2`) or `torch.jit.save`. It takes codes, batch x "
        "numbers (x 1 x 1), and gives batch x 3 x height x width pictures, which are brought to the wanted size. It is "
        "run: name only what you trust.",
    )
    reads: tuple[Path, ...] = Field(
        (),
        max_length=100,
        description="Files that the function reads, such as its weights: where one of them changes, a run is not "
        "continued with other pictures.",
    )
    code_size: int | None = Field(
        None,
        ge=1,
        le=65536,
        description="How many numbers a code has; by default it is found by the decoder's weights.",
    )
    range: tuple[float, float] = Field(
        (0.0, 1.0), description="Black and white in the decoder's pictures: `[0, 1]`, or `[-1, 1]` after a tanh."
    )
    prior: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="Share by which the code is drawn toward 0 after each step: what is near 0 is more like what the "
        "decoder was trained on, and less of the target.",
    )
    reach: float = Field(
        3.0,
        gt=0,
        le=1000,
        description="Largest number in a code, either way. Where the decoder was trained on codes of another deviation "
        "than 1, three times that.",
    )

    @field_validator("range")
    @classmethod
    def _differ(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] == value[1]:
            raise ValueError("black and white are the same; write what they are, such as [-1, 1]")
        return value

    @property
    def function(self) -> PythonFunction | None:
        """The function that makes it; None where it is in a file."""
        name = _SHIPPED.get(self.decoder, self.decoder)
        return PythonFunction(name, KEY) if re.fullmatch(FUNCTION, name) else None

    def identity(self) -> str:
        """Digest of its file, or its name and digest of what it is made from."""
        if self.decoder in _SHIPPED:
            return f"{self.decoder} {bytes_digest(_SHIPPED_WEIGHTS.read_bytes())}"
        made = self.function.files() if self.function else {}
        digests = {key: file_digest(path) for key, path in {**made, **self._existing()}.items()}
        return f"{self.decoder if self.function else 'file'} {data_digest(digests)}"

    def files(self) -> Mapping[str, Path]:
        """Its file, or that of the function's module and those that it reads; none of what comes along."""
        if self.decoder in _SHIPPED:
            return {}
        made = {KEY: self.function.files()["module"]} if self.function else {}
        return {**made, **self._named()}

    @property
    def version(self) -> tuple[int, ...]:
        """When its files were written, and how large they are."""
        found = [path.stat() for path in self._existing().values()]
        return tuple(number for one in found for number in (one.st_mtime_ns, one.st_size))

    def with_absolute_paths(self) -> Self:
        """With absolute paths of its files."""
        reads = tuple(path.absolute() for path in self.reads)
        decoder = self.decoder if self.function else str(Path(self.decoder).absolute())
        return self.model_copy(update={"decoder": decoder, "reads": reads})

    def check(self) -> None:
        """Load the decoder."""
        from renderer.dream.decoding import load_decoder  # noqa: PLC0415  torch takes seconds

        load_decoder(self)

    def build(self, size: tuple[int, int], device: torch.device, *, is_gray: bool) -> Parameterization:
        """The decoder, whose pictures are brought to that size."""
        from renderer.dream.decoding import Drawn, load_decoder  # noqa: PLC0415  torch takes seconds

        return Drawn(self, load_decoder(self), size, device, is_gray=is_gray)

    def _named(self) -> dict[str, Path]:
        """The files that the settings name, by the key."""
        own = {} if self.function else {KEY: Path(self.decoder)}
        return own | {f"{KEY.replace('decoder', 'reads')}[{number}]": path for number, path in enumerate(self.reads)}

    def _existing(self) -> dict[str, Path]:
        """The same; raises UserError where one is missing."""
        for key, path in self._named().items():
            if not is_ordinary_file(path):
                advice = "; a function is named as package.module:function" if key == KEY else ""
                raise UserError(f"{key}: {no_such_file(path)}{advice}")
        return self._named()
