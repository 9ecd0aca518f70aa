"""Loops whose lead-in is short have previews and can be checked, though a frame of a preview lasts longer."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.film.timeline import crossfade_frames
from renderer.jobs import preflight, savings
from renderer.jobs.preflight import Finding
from renderer.jobs.previewing import make_preview
from tests.fake_worker import FakeWorker
from tests.film_helpers import request, tiny_settings

SHORT = ("film.loop=true", "film.lead_in_seconds=0.05", "film.crossfade_seconds=0.05", "film.chains=1")


def checked(directory: Path, *overrides: str) -> Iterable[Finding]:
    return preflight.preflight(request(directory, *overrides), film=True, quick=False, make_worker=FakeWorker)


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 49, 60, 90, 120, 144])
def test_the_end_of_a_loop_fades_in_its_preview_too(fps: float) -> None:
    preview = make_preview(tiny_settings(*SHORT, f"film.fps={fps}"), film=True).settings.film
    assert preview.loop and preview.fps < fps and crossfade_frames(preview) == 1


def test_what_is_long_enough_stays_as_it_is() -> None:
    for more in ((), ("film.loop=true",), (*SHORT, "film.transition=reset"), (*SHORT, "film.loop=false")):
        real = tiny_settings("film.fps=30", *more)
        preview = make_preview(real, film=True).settings.film
        assert preview.lead_in_seconds == real.film.lead_in_seconds
        assert preview.crossfade_seconds == real.film.crossfade_seconds


def test_check_tells_how_long_a_loop_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savings, "_WORTH_SECONDS", 0.0)
    monkeypatch.setattr(savings, "_WORTH_SHARE", 1000.0)
    found = {finding.name: finding for finding in checked(tmp_path / "run", *SHORT, "film.fps=30")}
    assert all(finding.state != "failed" for finding in found.values())
    # With fewer frames alone it would be no loop; the preview raises what it fades by.
    assert "with --preview about" in found["smaller"].text and "with film.fps" not in found["smaller"].text


def test_what_would_be_faster_fails_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object) -> str:
        raise UserError("no")

    monkeypatch.setattr(preflight, "describe_savings", fail)
    found = list(checked(tmp_path / "run"))
    assert [finding.state for finding in found if finding.name == "dreaming"] == ["ok"]
    assert not [finding for finding in found if finding.state == "failed"]
