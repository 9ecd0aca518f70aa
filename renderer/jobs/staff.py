"""The workers of a cluster as the command knows them: who is there, what each is at, and what it tells."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from renderer.common.errors import ClusterError, UserError
from renderer.common.progress import Progress
from renderer.film.tasks import Picture
from renderer.jobs.messages import OPENING, Ended, Event, Failed, Job, Logged, Lost, Noted, Question, Ready
from renderer.store.run_file import current_versions
from renderer.targets.target import Aim, Score

_LOG = logging.getLogger(__name__)
_MOST_VAIN = 5
"""When so many workers in a row were lost before they were ready, no further one is begun."""
_REMARKABLE_SECONDS = 15.0
"""Who waits longer for a first worker is told so."""


class Crew(Protocol):
    """Begins workers on the machines of a cluster, and carries what is said."""

    def room(self) -> int:
        """How many workers there is room for, if nobody else computes there."""
        ...

    def hire(self, worker: int) -> None:
        """Begin a worker, as soon as there is room; numbers are never used again. It will tell that it is ready."""
        ...

    def give(self, worker: int, job: Job) -> None:
        """Have a job done after what it was given before."""
        ...

    def call_off(self, worker: int, number: int) -> None:
        """Have a job ended early; that it has ended will be told."""
        ...

    def let_go(self, worker: int) -> None:
        """End a worker, or do not begin it; nothing is told of it any more."""
        ...

    def next_event(self, seconds: float) -> tuple[int, Event] | None:
        """What was told next, and by whom; None if nothing was in that time.

        Raises:
            ClusterError: The cluster is gone.
        """
        ...


@dataclass
class Member:
    """A worker.

    Attributes:
        number: Its number.
        name: Its machine and process, once it is ready.
        job: Number of the job that it is at, if it is at one.
    """

    number: int
    name: str = ""
    job: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it may be given something."""
        return bool(self.name) and self.job is None


class Staff:
    """The workers that there are, or will be."""

    def __init__(self, crew: Crew, progress: Progress, most: int | None = None) -> None:
        """Begin without any.

        Args:
            crew: Begins them.
            progress: Is told what the user should know.
            most: How many there may be at most; by default as many as there is room for.
        """
        self.members = dict[int, Member]()
        self.progress = progress
        self._crew, self._most = crew, most
        self._workers, self._jobs = count(1), count(1)
        self._said, self._opening_errors = set[str](), set[str]()
        self._vain, self._waits_since = 0, time.monotonic()
        self._was_ready = False

    @property
    def most(self) -> int:
        """How many there may be at present."""
        return self._most or max(1, self._crew.room())

    def want(self, number: int) -> None:
        """See to it that there are so many workers, or as many as there may be; who is too many, and idle, goes."""
        wanted = min(number, self.most)
        surplus = len(self.members) - wanted
        for member in sorted(self.members.values(), key=lambda one: bool(one.name))[: max(0, surplus)]:
            if member.is_idle or not member.name:
                self.let_go(member)
        for _ in range(wanted - len(self.members)):
            member = Member(next(self._workers))
            self.members[member.number] = member
            self._crew.hire(member.number)

    def let_go(self, member: Member) -> None:
        """A worker is not needed any more."""
        del self.members[member.number]
        self._crew.let_go(member.number)

    def idle(self) -> list[Member]:
        """Those that may be given something."""
        return [member for member in self.members.values() if member.is_idle]

    def busy(self) -> list[Member]:
        """Those that are at something."""
        return [member for member in self.members.values() if member.job is not None]

    def give(self, member: Member, make_job: Callable[[int], Job]) -> None:
        """Have an idle one do a job, which is made with a number of its own."""
        member.job = next(self._jobs)
        self._crew.give(member.number, make_job(member.job))

    def call_off(self, member: Member) -> None:
        """Have it end what it is at."""
        if member.job is not None:
            self._crew.call_off(member.number, member.job)

    def next_event(self, seconds: float) -> tuple[Member, Event] | None:
        """What one of them tells next of its job, or that it is lost; None if there is nothing for a while.

        Raises:
            ClusterError: The cluster is gone, or no worker can be begun in it.
            UserError: Workers cannot get ready.
        """
        self._say_what_is_waited_for()
        told = self._crew.next_event(seconds)
        if told is None or told[0] not in self.members:
            return None
        member, event = self.members[told[0]], told[1]
        match event:
            case Ready() | Noted() | Logged():
                self._hear(member, event)
                return None
            case Failed(number=number, error=error) if number == OPENING:
                self.let_go(member)
                self._refuse_to_go_on(error)
                return None
            case Lost(reason=reason):
                del self.members[member.number]
                self._mourn(member, reason)
            case Ended() | Failed():
                member.job = None
            case _:
                pass
        return member, event

    def say(self, text: str) -> None:
        """Tell the user something, once."""
        if text not in self._said:
            self._said.add(text)
            self.progress.note(text)

    def ask(self, method: str, *given: Any) -> Any:
        """What the network answers to a question of `Observer`; raises what that does, and as `next_event`."""
        while True:
            self.want(max(1, len(self.members)))
            if idle := self.idle():
                self.give(idle[0], lambda number: Question(number, method, given))  # type: ignore[arg-type]
                answer = self._answer(idle[0])
                if isinstance(answer, Failed):
                    raise answer.error
                if isinstance(answer, Ended):
                    return answer.answer
            else:
                self.next_event(1.0)

    def wait_until_ready(self) -> None:
        """Have one worker at least, whose network is loaded; raises as `next_event`."""
        self.want(max(1, len(self.members)))
        while not any(member.name for member in self.members.values()):
            self.want(max(1, len(self.members)))
            self.next_event(1.0)

    def _answer(self, asked: Member) -> Event | None:
        """The end of its job; None if it is lost."""
        while asked.number in self.members:
            told = self.next_event(1.0)
            if told and told[0] is asked and isinstance(told[1], Ended | Failed):
                return told[1]
        return None

    def _hear(self, member: Member, event: Ready | Noted | Logged) -> None:
        """What it tells of itself."""
        match event:
            case Ready():
                self._welcome(member, event)
            case Noted(text=text):
                self.say(text)
            case Logged(level=level, text=text):
                _LOG.log(level, "worker %d: %s", member.number, text)

    def _welcome(self, member: Member, ready: Ready) -> None:
        member.name, self._was_ready, self._vain = ready.name, True, 0
        _LOG.info("worker %d is ready: %s", member.number, ready.name)
        here = current_versions()
        if ready.versions.get("neuron-atlas") != here["neuron-atlas"]:
            raise UserError(
                f"the cluster has neuron-atlas {ready.versions.get('neuron-atlas')} ({ready.name}), this is "
                f"{here['neuron-atlas']}; install the same version on all its machines"
            )
        for package, version in ready.versions.items():
            if here.get(package, version) != version:
                self.say(
                    f"warning: {package} is {version} in the cluster, and {here[package]} here; the film may differ a "
                    "little from one that is rendered here"
                )

    def _mourn(self, member: Member, reason: str) -> None:
        """Tell of a loss; raises ClusterError where all that were begun lately were lost."""
        _LOG.info("worker %d is lost: %s", member.number, reason)
        self._vain += not member.name
        if self._vain > _MOST_VAIN:
            raise ClusterError(f"one worker after another was lost before it was ready: {reason}")
        if member.name:
            self.progress.note(f"a worker was lost ({member.name}): {reason}; what it was at goes to another one")

    def _refuse_to_go_on(self, error: Exception) -> None:
        """Raise an error of getting ready, unless it may be that of one machine alone."""
        same = f"{type(error).__name__}: {error}"
        if not self._was_ready or same in self._opening_errors:
            raise error
        self._opening_errors.add(same)

    def _say_what_is_waited_for(self) -> None:
        if not self.members or any(member.name for member in self.members.values()):
            self._waits_since = time.monotonic()
        elif time.monotonic() - self._waits_since > _REMARKABLE_SECONDS:
            self.say("waiting for the cluster: no worker has begun yet; its machines may be at other work")


class Asking:
    """An observer that asks a worker."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def score(self, aim: Aim, picture: Picture) -> Score:
        """What the network says of a picture; see `Observer.score`."""
        score: Score = self._staff.ask("score", aim, picture)
        return score

    def outputs(self, picture: Picture) -> Float[np.ndarray, " outputs"]:
        """All that the network answers; see `Observer.outputs`."""
        found: Float[np.ndarray, " outputs"] = self._staff.ask("outputs", picture)
        return found

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        """Weights of the network's last layer; see `Observer.output_weights`."""
        found: Float[np.ndarray, "classes features"] = self._staff.ask("output_weights")
        return found
