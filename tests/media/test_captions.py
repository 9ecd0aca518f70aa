import dataclasses

import pytest

from renderer.common.errors import UserError
from renderer.media.captions import Caption, check_templates, fill_templates, templates_need_score
from renderer.settings.sections import Overlay
from renderer.targets.target import Guess, Score, class_target

HEN = class_target(8, "hen", "n01514859", ("hen", "biddy", "chicken"), ("animal", "bird"))
COCK = class_target(7, "cock")
MIDDLE = Caption(HEN, COCK, class_target(9, "ostrich"), position=2, count=3)
SCORED = dataclasses.replace(
    MIDDLE, score=Score(12.34, 0.876, 2, (Guess(7, 0.9), Guess(8, 0.05))), top_titles=("cock",)
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{previous.title} < {title} < {next.title}", "cock < hen < ostrich"),
        ("{index:04d} {wnid} {group}", "0008 n01514859 bird"),
        ("{synonyms}", "biddy, chicken"),
        ("{position}/{count}", "2/3"),
        ("{logit} {logit:.2f} {rank}", "12.3 12.34 2"),
        ("{probability} {probability:.0%}", "87.6% 88%"),
        ("{top.0.title} {top.0.probability:.1f}, {top.1.probability:.2f}", "cock 0.9, 0.05"),
        ("{{{title}}}", "{hen}"),
        ("no field", "no field"),
    ],
)
def test_templates_are_filled(template, text):
    check_templates([template])
    assert fill_templates([template], SCORED) == (text,)


@pytest.mark.parametrize(
    "template", ["{previous.title}", "{wnid:>12}", "{probability:.0%}", "{top.4.title}", "({group})"]
)
def test_missing_values_leave_an_empty_line(template):
    check_templates([template])
    assert fill_templates([template], Caption(COCK, None, None, 1, 1)) == ("",)


def test_a_line_with_some_values_is_kept():
    assert fill_templates(["{previous.title} | {title}"], Caption(HEN, None, None, 1, 1)) == ("| hen",)


def test_a_line_that_nobody_could_read_is_cut():
    long = class_target(0, "word " * 100)
    (line,) = fill_templates(["{title}" * 70], Caption(long, None, None, 1, 1))
    assert len(line) == 500
    assert line.endswith("...")


def test_widths_and_precisions_that_fit_are_kept():
    template = "{title:<100}{index:0100d}{top.0.probability:.100f}"
    check_templates([template])
    assert len(fill_templates([template], SCORED)[0]) == 302


def test_a_title_with_line_breaks_and_braces_stays_one_line():
    strange = class_target(0, "two\nlines\t{title}\x00")
    assert fill_templates(["{title}"], Caption(strange, None, None, 1, 1)) == ("two lines {title}",)


@pytest.mark.parametrize(
    ("template", "complaints"),
    [
        ("{titel}", ["overlay.lines[1]: there is no field {titel}; did you mean {title}"]),
        ("{next.titel}", ["overlay.lines[1]", "{next.titel}", "{next.title}"]),
        ("{}", ["overlay.lines[1]", "{}", "{title}"]),
        ("{0}", ["overlay.lines[1]", "{0}", "{title}"]),
        ("{title.__class__}", ["overlay.lines[1]", "{title.__class__}", "{title}"]),
        ("{title[0]}", ["overlay.lines[1]", "{title[0]}", "{title}"]),
        ("{title!r}", ["overlay.lines[1]", "{title}"]),
        ("{title:{index}}", ["overlay.lines[1]", "{title}"]),
        ("{title:04d}", ["overlay.lines[1]", "{title:04d}"]),
        ("{title:>999999999}", ["overlay.lines[1]", "width", "above 100", "smaller"]),
        ("{probability:.999999999f}", ["overlay.lines[1]", "precision", "above 100", "smaller"]),
        ("{index:0101d}", ["overlay.lines[1]", "width"]),
        ("{title:>\uff19\uff19\uff19}", ["overlay.lines[1]", "width"]),
        ("{title:>00000999}", ["overlay.lines[1]", "width"]),
        (f"{{title:{'9' * 400}}}", ["overlay.lines[1]", "width"]),
        ("{title}" * 1000, ["overlay.lines[1]", "7,000 characters", "500"]),
        ("{title", ["overlay.lines[1]", "'{title'", "{{"]),
        ("title}", ["overlay.lines[1]", "'title}'", "}}"]),
    ],
)
def test_wrong_templates_are_named(template, complaints):
    with pytest.raises(UserError) as error:
        check_templates(["{title}", template])
    for complaint in complaints:
        assert complaint in str(error.value)
    assert str(error.value).endswith((".", "?")) and "?." not in str(error.value)


def test_the_default_templates_are_right_and_need_no_score():
    check_templates(Overlay().lines)
    assert not templates_need_score(Overlay().lines)


@pytest.mark.parametrize("field", ["logit", "probability:.0%", "rank", "top.0.title", "top.3.probability"])
def test_what_the_network_sees_needs_a_score(field):
    assert templates_need_score(["{title}", f"it sees {{{field}}}"])
