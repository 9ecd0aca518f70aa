"""What a command and the workers of a cluster tell each other: plain data, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from renderer.common.progress import Amount
from renderer.jobs.plan import Plan

OPENING = -1
"""In place of a job's number: getting ready."""

Files: TypeAlias = Mapping[str, bytes]
"""Files of a run by their paths from its directory."""


@dataclass(frozen=True)
class Equipment:
    """What a worker needs before its first job; the contents of the input files come beside it.

    Attributes:
        run: What `run.yaml` says, as JSON; its paths are those of the command's machine.
        device: On which device it computes.
        threads: How many threads of a processor it computes with.
        inputs: Where the input files lie there, in the order of their contents.
        folders: The folders that settings name, in which there may be some of them.
        current: The folder from which the command was given, where Python modules are looked for.
    """

    run: str
    device: str
    threads: int
    inputs: Sequence[str]
    folders: Sequence[str]
    current: str


@dataclass(frozen=True)
class FilmJob:
    """Some rounds of a strand.

    Attributes:
        number: Tells it from the worker's other jobs.
        run: As in `Equipment`; stays as it is for most jobs.
        files: What is there of the run, and needed.
        plan: What is to be computed.
    """

    number: int
    run: str
    files: Files
    plan: Plan


@dataclass(frozen=True)
class StillsJob:
    """A batch of fresh stills: the places of their targets. The rest is as in `FilmJob`."""

    number: int
    run: str
    files: Files
    batch: Sequence[int]


@dataclass(frozen=True)
class Question:
    """Something to ask the network: a method of `Observer`, with what it is given."""

    number: int
    method: Literal["score", "outputs", "output_weights"]
    given: tuple[Any, ...] = ()


Job: TypeAlias = FilmJob | StillsJob | Question


@dataclass(frozen=True)
class Ready:
    """The worker has its network.

    Attributes:
        name: Its machine and process.
        versions: Of what pixels may depend on; see `current_versions`.
    """

    name: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Wrote:
    """A file of the run is whole; it is another one than before, if there was one."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Removed:
    """A file of the run is no more."""

    path: str


@dataclass(frozen=True)
class Advanced:
    """So much more is done; the given titles are being dreamed."""

    amount: Amount
    titles: Sequence[str]


@dataclass(frozen=True)
class Pictured:
    """The picture that is being dreamed, as a JPEG file."""

    jpeg: bytes = field(repr=False)


@dataclass(frozen=True)
class Noted:
    """Something that the user should know."""

    text: str


@dataclass(frozen=True)
class Logged:
    """Something for the log, with its level."""

    level: int
    text: str


@dataclass(frozen=True)
class Ended:
    """A job is over: done, or called off.

    Attributes:
        number: Of the job.
        is_done: Whether it is done; all its files were told of before.
        answer: To a question.
    """

    number: int
    is_done: bool = True
    answer: Any = None


@dataclass(frozen=True)
class Failed:
    """A job raised an error."""

    number: int
    error: Exception


@dataclass(frozen=True)
class Lost:
    """The worker is gone, and why; it told all else before."""

    reason: str


Event: TypeAlias = Ready | Wrote | Removed | Advanced | Pictured | Noted | Logged | Ended | Failed | Lost
