"""Progress in a notebook, with a display that keeps what it is given."""

from typing import Any

from renderer.api.showing import NotebookLine
from renderer.common.progress import Amount


class Display:
    """IPython's `display`: what it has shown for good, and what stands in the place that is replaced."""

    def __init__(self) -> None:
        self.lasting: list[str] = []
        self.replaced: list[dict[str, str]] = []

    def __call__(self, bundle: dict[str, str], *, raw: bool, display_id: bool = False) -> Any:
        assert raw
        if display_id:
            self.update(bundle, raw=raw)
            return self
        return self.lasting.append(bundle["text/plain"])

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.replaced.append(bundle)


def test_one_line_is_replaced_and_taken_away_and_notes_stay() -> None:
    display = Display()
    line = NotebookLine(display)
    line.refresh()
    assert display.replaced == []
    line.begin("frames", total=Amount(4, 2, 16), done=Amount(0, 0))
    line.refresh()
    line.advance(Amount(2, 1, 8), ["<lion>"])
    line.note("a note")
    assert len(display.replaced) == 1, "the thread that tells does not display"
    line.refresh()
    line.refresh()
    first, second = display.replaced
    assert 'value="0.000"' in first["text/html"]
    assert 'value="0.500"' in second["text/html"]
    assert "1/2 classes" in second["text/plain"]
    assert "&lt;lion&gt;" in second["text/html"]
    line.note("another")
    line.end()
    line.clear()
    assert display.lasting == ["a note", "another"]
    assert display.replaced[-1] == {"text/plain": "", "text/html": ""}
