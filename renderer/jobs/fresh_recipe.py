"""What fresh stills follow from, and whether those that are there follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from renderer.settings.sections import Settings
from renderer.store.fingerprint import by_contents, fingerprint, relevant
from renderer.store.paths import RunPaths
from renderer.store.records import StillRecord, read_record
from renderer.store.run_file import RunFile
from renderer.targets.target import ClassRecord


def fresh_fingerprint(settings: Settings, contents: Mapping[str, str], classes: Sequence[ClassRecord]) -> str:
    """Fingerprint of all that fresh stills follow from; their records keep it."""
    selected = [record.index for record in classes]
    return fingerprint(["fresh", relevant(by_contents(settings, contents), "stills"), selected])


def fresh_records(paths: RunPaths) -> list[StillRecord]:
    """Records of the fresh stills that a directory holds."""
    records = (read_record(path, StillRecord) for path in sorted(paths.state.glob("still-*.json")))
    return [record for record in records if record and record.fresh]


def dreams_fresh(wanted: RunFile) -> bool:
    """Whether a run that is asked for dreams fresh stills; a film takes its own unless that is set."""
    return not wanted.film or wanted.settings.stills.fresh


def follow_from(records: Sequence[StillRecord], run: RunFile) -> bool:
    """Whether fresh stills, at least one, follow from the settings of a run.

    The settings that a directory keeps need not be those: a film may have been rendered there since.
    """
    made_from = fresh_fingerprint(run.settings, run.contents, run.classes)
    return all(record.made_from == made_from for record in records)
