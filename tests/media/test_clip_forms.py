"""The search for a form that makes a clip small enough, with files that are only imagined."""

import pytest

from renderer.media.clip_forms import KINDS, Form, Kind, find_form, is_readable, smaller_forms


def size_of(kind: Kind, form: Form, *, flat: float) -> int:
    """Bytes of an imagined file that changes more slowly than expected, and has a part that never does."""
    quality = 2 ** (-form.quality / (kind.halving * flat))
    return 2000 + int(50 * (form.width**2 * form.fps) ** (1 / flat) * quality)


def forms_of(name: str, *, any_width: bool = True, rates: tuple[float, ...] = (25.0, 12.5, 25 / 3)) -> list[Form]:
    kind = KINDS[name]
    return smaller_forms(kind, Form(512, rates[0], kind.quality), rates, any_width=any_width)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("flat", [1.0, 1.3])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.2, 0.12])
def test_what_is_found_fits_is_close_to_the_limit_and_takes_few_attempts(name: str, flat: float, share: float) -> None:
    kind, forms = KINDS[name], forms_of(name)
    limit = int(share * size_of(kind, forms[0], flat=flat))
    tried: list[Form] = []

    def attempt(form: Form) -> int:
        tried.append(form)
        return size_of(kind, form, flat=flat)

    found = find_form(kind, forms, limit, attempt)
    assert found is not None
    assert found == [form for form in tried if size_of(kind, form, flat=flat) <= limit][-1]
    assert 0.8 * limit < size_of(kind, found, flat=flat) <= limit
    assert len(tried) <= 9


@pytest.mark.parametrize("name", KINDS)
def test_the_best_form_is_kept_where_it_fits_and_none_is_found_where_none_does(name: str) -> None:
    forms, tried = forms_of(name), []

    def attempt(form: Form) -> int:
        tried.append(form)
        return 1000

    assert find_form(KINDS[name], forms, 1000, attempt) == forms[0] == tried.pop()
    assert find_form(KINDS[name], forms, 999, attempt) is None
    assert tried[-1] == forms[-1]
    assert len(tried) <= 9


@pytest.mark.parametrize("name", KINDS)
def test_width_and_pace_stay_as_they_were_asked_for(name: str) -> None:
    assert {(form.width, form.fps) for form in forms_of(name, any_width=False, rates=(10.0,))} == {(512, 10.0)}
    assert {form.width for form in forms_of(name, any_width=False)} == {512}
    assert {form.fps for form in forms_of(name, rates=(10.0,))} == {10.0}


@pytest.mark.parametrize(("fps", "gif"), [(25, 12.5), (20, 10), (24, 12), (60, 15), (8, 8), (1, 1), (240, 15)])
def test_frames_are_left_out_evenly(fps: float, gif: float) -> None:
    rates = KINDS["gif"].rates(fps)
    assert rates[0] == gif
    assert all(abs(fps / rate - round(fps / rate)) < 1e-9 for rate in rates)


@pytest.mark.parametrize("name", ["gif", "webp"])
def test_quality_and_frames_go_before_what_can_be_read(name: str) -> None:
    kind = KINDS[name]
    rates = kind.rates(20.0)
    forms = smaller_forms(kind, Form(320, rates[0], kind.quality), rates, any_width=True)
    small = [form for form in forms if not is_readable(form, 320)]
    assert {(form.fps, form.quality >= kind.worst) for form in small} == {(5.0, True)}
    assert min(form.width for form in forms if form not in small) >= 240
