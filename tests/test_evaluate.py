"""Scores of pictures and figures over them, by tiny networks whose answers can be worked out."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from renderer.atlas.figures import measure
from renderer.atlas.recognition import Judge, make_judge, score_picture
from renderer.common.errors import UserError
from renderer.networks.network import Network, Preprocessing
from renderer.store.evaluation_file import PictureScore, View, failed
from renderer.targets.target import Target, class_target
from tests.networks.tiny import network_of, tiny_network

RED, GREEN, BLUE = (class_target(index, title) for index, title in enumerate(("red", "green", "blue")))


class _Colors(nn.Module):
    """How much of the given channels is in a picture."""

    def __init__(self, channels: list[int], slope: float) -> None:
        super().__init__()
        self._channels, self._slope = channels, slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._slope * x.mean(dim=(2, 3))[:, self._channels]


def color_network(titles: str = "red green blue", slope: float = 10.0) -> Network:
    """A class for each title; its logit is so many times the share of the color."""
    channels = [("red", "green", "blue").index(title) for title in titles.split()]
    classes = [class_target(index, title.title()) for index, title in enumerate(titles.split())]
    preprocessing = Preprocessing(16, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return network_of(_Colors(channels, slope), classes, preprocessing)


def picture(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((20, 30, 3), (red, green, blue), np.uint8)


def score(judge: Judge, record: Target, shown: np.ndarray, views: tuple[View, ...] = ("still",)) -> PictureScore | None:
    return score_picture(judge, record, shown, views, "digest")


def test_a_class_is_looked_for_where_the_judge_has_it() -> None:
    judge = make_judge(color_network("blue red green"), [RED, GREEN, BLUE])
    found = score(judge, GREEN, picture(255, 102, 0))
    assert found
    probabilities = np.exp([0.0, 10.0, 4.0]) / np.exp([0.0, 10.0, 4.0]).sum()
    assert (found.index, found.title, found.rank) == (1, "green", 2)
    assert found.probability == pytest.approx(probabilities[2], rel=1e-5)
    assert found.log_probability == pytest.approx(math.log(probabilities[2]), rel=1e-5)
    assert [(seen.index, seen.title, seen.dreamed) for seen in found.top] == [
        (1, "Red", 0), (2, "Green", 1), (0, "Blue", 2)
    ]  # fmt: skip
    assert sum(seen.probability for seen in found.top) == pytest.approx(1)


def test_the_order_of_the_judges_classes_changes_nothing() -> None:
    shown = picture(120, 200, 40)
    judges = [make_judge(color_network(titles), [RED, GREEN, BLUE]) for titles in ("red green blue", "blue red green")]
    for record in (RED, GREEN, BLUE):
        one, other = (score(judge, record, shown) for judge in judges)
        assert one and other
        assert (one.rank, one.log_probability) == (other.rank, pytest.approx(other.log_probability))
        assert [seen.dreamed for seen in one.top] == [seen.dreamed for seen in other.top]


def test_tiny_probabilities_have_finite_logarithms() -> None:
    judge = make_judge(color_network(slope=2000.0), [RED, GREEN])
    found = score(judge, GREEN, picture(255, 0, 0))
    assert found
    assert found.probability == 0
    assert found.log_probability == pytest.approx(-2000)


def test_a_class_that_the_judge_does_not_know_has_no_score() -> None:
    judge = make_judge(color_network("red green"), [RED, BLUE])
    assert score(judge, BLUE, picture(0, 0, 255)) is None
    assert score(judge, RED, picture(0, 0, 255)) is not None


def test_a_judge_that_knows_no_class_is_refused() -> None:
    with pytest.raises(UserError, match=r"none of the run's 1 classes \(class 0"):
        make_judge(color_network(), tiny_network().classes[:1])


def test_outputs_that_are_not_numbers_are_refused() -> None:
    judge = make_judge(color_network(slope=math.nan), [RED])
    with pytest.raises(UserError, match="not finite"):
        score(judge, RED, picture(1, 2, 3))


def test_figures_are_over_stills_and_over_frames() -> None:
    judge = make_judge(color_network(), [RED, GREEN, BLUE])
    shown = [(RED, picture(255, 0, 0)), (GREEN, picture(255, 51, 0)), (BLUE, picture(255, 51, 0))]
    stills = [found for record, what in shown if (found := score(judge, record, what))]
    (figures,) = measure(stills)
    assert (figures.shown, figures.pictures, figures.top_5, figures.median_rank) == (("still",), 3, 1.0, 2.0)
    assert figures.top_1 == pytest.approx(1 / 3)
    assert figures.mean_log_probability == pytest.approx(np.mean([found.log_probability for found in stills]))
    frame = score(judge, RED, picture(0, 0, 255), ("film",))
    assert frame
    both = measure([*stills, frame])
    assert [(one.shown, one.pictures, one.top_1) for one in both] == [
        (("still",), 3, pytest.approx(1 / 3)), (("film",), 1, 0.0)
    ]  # fmt: skip


def test_one_set_of_figures_where_stills_are_the_films_frames() -> None:
    judge = make_judge(color_network(), [RED, GREEN])
    found = score(judge, RED, picture(255, 0, 0), ("still", "film"))
    other = score(judge, GREEN, picture(0, 255, 0), ("film",))
    assert found and other
    assert [figures.shown for figures in measure([found])] == [("still", "film")]
    assert {figures.shown: figures.pictures for figures in measure([found, other])} == {("still",): 1, ("film",): 2}
    assert measure([]) == ()


def test_the_worst_come_first_and_what_is_recognized_not_at_all() -> None:
    judge = make_judge(color_network(), [RED, GREEN, BLUE])
    colors = {RED: (255, 0, 0), GREEN: (250, 240, 0), BLUE: (255, 200, 100)}
    scores = [found for record, color in colors.items() if (found := score(judge, record, picture(*color)))]
    even_worse = score(judge, BLUE, picture(255, 200, 0), ("film",))
    assert even_worse
    assert [(one.title, one.shown) for one in failed([*scores, even_worse])] == [
        ("blue", ("film",)), ("blue", ("still",)), ("green", ("still",))
    ]  # fmt: skip
