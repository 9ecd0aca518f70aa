"""How far several workers are with one piece of work, as one course of progress."""

from __future__ import annotations

from collections.abc import Sequence

from renderer.common.progress import Amount
from renderer.jobs.live import Live
from renderer.jobs.schedule import Lease
from renderer.jobs.shared_work import SharedWork


class Tally:
    """Counts what is there of each task, and what workers tell of it until their files show it.

    Where two are at the same task, it is as far as the one that is ahead; what a lost worker told of is taken back.
    """

    def __init__(self, work: SharedWork, live: Live) -> None:
        self._work, self._live = work, live
        self._there = [work.there(task) for task in range(len(work.costs))]
        self._told = dict[int, tuple[Lease, Amount]]()
        self._titles = dict[int, Sequence[str]]()
        self._shown = self._sum()
        live.begin(work.unit, total=work.total, done=self._shown)

    def begun(self, lease: Lease, there: Amount) -> None:
        """A worker begins with so much of its task."""
        self._told[lease.number] = lease, there
        self._there[lease.task] = there

    def advanced(self, lease: Lease, amount: Amount, titles: Sequence[str]) -> None:
        """A worker is so much further, and dreams the given titles."""
        if lease.number in self._told:
            self._told[lease.number] = lease, self._told[lease.number][1] + amount
            self._titles[lease.number] = titles
            self._show()

    def over(self, lease: Lease) -> None:
        """A worker is not at it any more, and what counts is what is there."""
        if self._told.pop(lease.number, None):
            self._there[lease.task] = self._work.there(lease.task)
            self._show()
            self._titles.pop(lease.number, None)

    def is_shown(self, lease: Lease) -> bool:
        """Whether it is this one's picture that stands for all."""
        return next(iter(sorted(self._titles)), None) == lease.number

    def _show(self) -> None:
        now = self._sum()
        titles = [title for _, shown in sorted(self._titles.items()) for title in shown]
        if now != self._shown:
            before, self._shown = self._shown, now
            self._live.advance(now - before, list(dict.fromkeys(titles)) or [self._work.run.targets[-1].title])

    def _sum(self) -> Amount:
        amounts = list(self._there)
        for lease, told in self._told.values():
            amounts[lease.task] = max(amounts[lease.task], told, key=lambda amount: amount.work)
        return sum(amounts, self._work.besides)
