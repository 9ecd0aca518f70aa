"""What `auto` stands for in a run: chosen where it begins, written down, and kept when it goes on."""

from __future__ import annotations

from pydantic import Field

from renderer.common.section import Section
from renderer.settings.sections import Precision, Settings, Threads


class Chosen(Section):
    """What a run computes with; all of it changes pixels.

    Attributes:
        precision: Arithmetic of the network.
        threads: How many threads of a processor compute together.
    """

    precision: Precision = "float32"
    threads: Threads = Field(1)

    @classmethod
    def of(cls, decided: Settings) -> Chosen:
        """What settings say in which nothing is `auto` any more."""
        return cls.model_validate({name: getattr(decided.run, name) for name in cls.model_fields})

    def fill_in(self, settings: Settings) -> Settings:
        """The settings with these values for what is `auto` in them."""
        values = {name: value for name, value in self if getattr(settings.run, name) == "auto"}
        return settings.model_copy(update={"run": settings.run.model_copy(update=values)})

    def describe(self) -> str:
        """In words, such as `float32, 2 threads`."""
        return f"{self.precision}, {self.threads} thread{'s' if self.threads > 1 else ''}"
