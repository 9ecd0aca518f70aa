"""What a film of some settings hears: the sound that goes with it, or curves of the user's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from renderer.common.errors import UserError
from renderer.common.over_time import Varying
from renderer.common.value_curves import OWN_CURVES, TIMES
from renderer.film.scenes import Scene, settings_for
from renderer.film.times import Beats
from renderer.settings.sections import Settings
from renderer.sound.curves import BEAT, BEATS
from renderer.sound.hearing import Hearing, SoundFile, hear


def beats_of(settings: Settings, key: str = "film.beats_per_class") -> Beats:
    """The beats by which a film is divided, since a key says so.

    Raises:
        UserError: There is nothing that has beats, or it cannot be read.
    """
    return _heard(settings, key, {BEATS}).beat_times


def sound_of(settings: Settings, scenes: Iterable[Scene] = ()) -> SoundFile | None:
    """What is heard where values of the settings follow it, or of scenes; None where none do. Raises UserError."""
    wanted = heard_names(settings, scenes)
    if not wanted:
        return None
    sound = _sound_file(settings)
    heard = _heard(settings, next(iter(wanted.values())), wanted)
    is_asked = len(heard.parts) > (settings.film.curves is not None)
    return SoundFile(
        sound=sound.absolute() if sound and is_asked else None,
        curves=settings.film.curves and settings.film.curves.absolute(),
        digests={name: digest for name in sorted(wanted) if (digest := heard.digest_of(name))},
    )


def heard_names(settings: Settings, scenes: Iterable[Scene] = ()) -> dict[str, str]:
    """What values of the settings, and of scenes, follow of what is heard, each with a key that does."""
    own = [one for scene in scenes for one in settings_for(settings, scene)]
    curves = [pair for one in (*own, settings) for pair in Varying(one).curves.items()]
    return {name: key for key, curve in curves for name in sorted(curve.names) if name not in TIMES}


def heard_by(settings: Settings) -> Hearing | None:
    """All that a film can hear; None where there is nothing. Raises UserError."""
    sound = _sound_file(settings)
    return hear(sound, settings.film.curves) if sound or settings.film.curves else None


def _sound_file(settings: Settings) -> Path | None:
    return settings.video.audio or settings.start.sound()


def _heard(settings: Settings, key: str, names: Collection[str]) -> Hearing:
    """What gives some curves; the sound is listened to only for what the user's own curves do not give."""
    file, own = settings.film.curves, hear(None, settings.film.curves)
    missing = sorted({BEATS if name == BEAT else name for name in names} - set(own.names))
    if not missing:
        return own
    name = next((name for name in missing if name.startswith(OWN_CURVES)), missing[0])
    sound = _sound_file(settings)
    if sound is None or name.startswith(OWN_CURVES):
        key = str(names.get(name, key)) if isinstance(names, dict) else key
        there = f"{file} has no column {name}" if file else f"nothing gives {name}"
        by_sound = "" if name.startswith(OWN_CURVES) else "name a sound as video.audio, or "
        raise UserError(f"{key}: {there}; {by_sound}give film.curves a CSV file with the column {name}")
    return hear(sound, file)
