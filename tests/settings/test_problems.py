import pytest

from renderer.common.errors import UserError
from renderer.settings import problems
from renderer.settings.loading import load_settings, parse_settings

# Text of the file, place of the problem, and words that the message has to have: the key, and the remedy.
WRONG = {
    "misspelled key": ("film:\n  widht: 3", "f.yaml:2: film.widht: ", ["unknown key", "film.width"]),
    "key of another section": ("fps: 3", "f.yaml:1: fps: ", ["unknown key", "film.fps"]),
    "misspelled section": ("page: {}\nclassses: {}", "f.yaml:2: classses: ", ["unknown key", "classes"]),
    "unlike any key": ("film: {qqq: 1}", "f.yaml:1: film.qqq: ", ["unknown key", "width, height, fps"]),
    "misspelled deep key": (
        "dream: {optimizer: {kind: adam, rate: 1}}",
        "f.yaml:1: dream.optimizer.rate: ",
        [
            "dream.optimizer.learning_rate",
        ],
    ),
    "number below its range": (
        "film: {width: 3}",
        "f.yaml:1: film.width: ",
        ["whole number from 16 to 16384", "not 3"],
    ),
    "fraction": ("film: {width: 20.5}", "f.yaml:1: film.width: ", ["whole number", "not 20.5"]),
    "text for a number": ("film: {fps: fast}", "f.yaml:1: film.fps: ", ["number from 1 to 240", 'not "fast"']),
    "minutes": ("film: {seconds_per_class: 1:30}", "f.yaml:1: film.seconds_per_class: ", ["at most 3600", '"1:30"']),
    "infinity": ("motion: {zoom: .inf}", "f.yaml:1: motion.zoom: ", ["from 0.2 to 5.0", "Infinity"]),
    "not a number": ("start: {contrast: .nan}", "f.yaml:1: start.contrast: ", ["from 0 to 0.5", "NaN"]),
    "seed too large": (f"run: {{seed: {2**63}}}", "f.yaml:1: run.seed: ", [f"from 0 to {2**63 - 1}", f"not {2**63}"]),
    "neither auto nor a number": (
        "film: {chains: many}",
        "f.yaml:1: film.chains: ",
        [
            "'auto' or a whole number from 1 to 1000",
            'not "many"',
        ],
    ),
    "null or a number": ("classes: {limit: 0}", "f.yaml:1: classes.limit: ", ["at least 1 or null", "not 0"]),
    "no such choice": ("video: {codec: h246}", "f.yaml:1: video.codec: ", ["'h264', 'h265'", "did you mean"]),
    "no such kind": (
        "network: {source: torchvison}",
        "f.yaml:1: network.source: ",
        ["'embedded', ", " or 'torchvision'", "did"],
    ),
    "key of another kind": ("network: {name: vgg16}", "f.yaml:1: network.name: ", ["network.source", "'torchvision'"]),
    "no color": ("overlay: {color: whitish}", "f.yaml:1: overlay.color: ", ["'#ffcc00'", '"whitish"']),
    "color taken for a comment": ("overlay:\n  color: #ffffff", "f.yaml:2: overlay.color: ", ["null", "quotes"]),
    "number for text": ("video: {title: 2001}", "f.yaml:1: video.title: ", ["2001", "put it in quotes"]),
    "mapping for text": ("overlay: {lines: [{title}]}", "f.yaml:1: overlay.lines[0]: ", ["text", "in quotes"]),
    "number for a switch": ("stills: {fresh: 1}", "f.yaml:1: stills.fresh: ", ["true or false", "not 1"]),
    "value for a section": ("film: 25", "f.yaml:1: film: ", ["mapping", "width", "not 25"]),
    "value for a section of kinds": ("network: vgg16", "f.yaml:1: network: ", ["mapping", "source", '"vgg16"']),
    "list too short": ("motion: {pan: [1]}", "f.yaml:1: motion.pan: ", ["list of 2", "not [1]"]),
    "list too long": ("motion: {pan: [1, 2, 3]}", "f.yaml:1: motion.pan: ", ["list of 2", "not [1, 2, 3]"]),
    "wrong entry": ("motion:\n  pan:\n  - 1\n  - x", "f.yaml:4: motion.pan[1]: ", ["a number", "'x' is not known"]),
    "wrong entry of classes": (
        "classes: {select: [1, 1.5]}",
        "f.yaml:1: classes.select[1]: ",
        ["whole number or text"],
    ),
    "nothing selected": ("classes: {select: []}", "f.yaml:1: classes.select: ", ["at least 1"]),
    "no such device": ("run: {device: gpu}", "f.yaml:1: run.device: ", ["'cuda'", '"gpu"']),
    "no such device in a list": ("run: {device: [cpu, gpu]}", "f.yaml:1: run.device[1]: ", ["'cuda'", '"gpu"']),
    "largest below smallest": ("dream: {transforms: {crop: [1, 0.5]}}", "f.yaml:1: dream.transforms.crop: ", ["swap"]),
    "no mapping at all": ("- film", "f.yaml:1: ", ["mapping of sections", "film"]),
    "segments of less than a frame": ("run: {segment_seconds: 1e-9}", "f.yaml:1: run.segment_seconds: ", ["from 0.1"]),
    "way beyond any picture": ("motion: {pan: [1e300, 0]}", "f.yaml:1: motion.pan[0]: ", ["from -100 to 100"]),
    "views of nothing": (
        "dream: {transforms: {scale: [1e-300, 1]}}",
        "f.yaml:1: dream.transforms.scale[0]: ",
        ["0.01"],
    ),
    "title longer than a command line": (
        f"video:\n  title: {'x' * 200_000}",
        "f.yaml:2: video.title: ",
        ["200,000 characters", "10,000 at most"],
    ),
    "duplicate key": ("film:\n  width: 20\n  width: 30", "f.yaml:3: film.width ", ["line 2", "keep one"]),
}


def message_of(*arguments):
    with pytest.raises(UserError) as caught:
        parse_settings(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(("text", "start", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_setting_gives_one_line_with_place_key_and_remedy(text, start, words):
    message = message_of(text, "f.yaml")
    assert message.startswith(start)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert not any(jargon in message for jargon in ("Traceback", "pydantic", "constrained", "literal[", "Input should"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("film.width", ["film.width", "KEY=VALUE"]),
        ("=3", ["KEY=VALUE"]),
        ("film..width=3", ["film..width", "KEY=VALUE"]),
        ("film.width.x=30", ["film.width is a value", "film.width=VALUE"]),
        ("overlay.lines.0=x", ["overlay.lines is a value", "overlay.lines=VALUE"]),
        ("film.widht=30", ["film.widht: unknown key", "film.width"]),
        ("classes.select[0]=3", ["classes.select[0]: unknown key", "classes.select?"]),
        ("overlay.color=goldd", ["overlay.color: must be text like '#ffcc00' or 'gold'", '"goldd"']),
        ("run.lose_at_most=soon", ["a number from 0 to 86400 or text like '90s', '2min' or '1h'"]),
        ("film.width=wide", ["film.width", "from 16 to 16384", '"wide"']),
        ("video.title=a: b", ["video.title", "in quotes"]),
        ("video.title=[a", ["video.title=[a", "close every bracket"]),
        ("film={fps: 5, fps: 6}", ["fps is given twice", "keep one"]),
        (f"{'a.' * 50_000}a=1", ["50001 parts", "shorten it"]),
        (f"{'a' * 50_000}=1", ["unknown key"]),
        (f"film.width=0x{'f' * 100_000}", ["film.width=0xff", "the number 0xff"]),
        (f"film.width={'9' * 100_000}", ["film.width=99", "the number 99"]),
        ('video.title="a\\0"', ["video.title", "NUL"]),
        ("video.title=#\udcff", ["no UTF-8"]),
        ("\udcff=1", ["no UTF-8"]),
        ("dream.optimizer.step=1", ["dream.optimizer.step", "dream.optimizer.kind", "'normalized'"]),
    ],
)
def test_wrong_override_gives_one_line_that_names_it(override, words):
    message = message_of("film: {height: 99}", "f.yaml", [override])
    assert message.startswith("--set")
    assert all(word in message for word in words), message
    assert len(message) < 400
    assert "\n" not in message


def test_a_number_out_of_range_is_not_advised_to_be_put_in_quotes():
    assert message_of("run: {lose_at_most: 100000}", "f.yaml").endswith("or '1h', not 100000")


def test_colors_have_the_names_of_css_and_are_kept_as_numbers():
    overlay = parse_settings("overlay: {color: Red, outline: rebeccapurple}", "f.yaml").overlay
    assert (overlay.color, overlay.outline) == ("#ff0000", "#663399")


def test_all_problems_are_told_at_once_each_with_its_place():
    lines = message_of("film:\n  fps: 0\nmotion: {zoom: 9}\nqqq: 1", "f.yaml", ["film.width=0"]).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["--set", "film.width"],
        ["f.yaml:2", "film.fps"],
        ["f.yaml:3", "motion.zoom"],
        ["f.yaml:4", "qqq"],
    ]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("".join(f"k{i}: 1\n" for i in range(2_000)), "f.yaml:1: k0: unknown key", "and 1980 more problems"),
        ("film:" + "".join(f"\n  widt{i}: 1" for i in range(2_000)), "f.yaml:2: film.widt0: ", "and 1980 more"),
        (f"classes: {{select: [{'1.5, ' * 2_000}]}}", "f.yaml:1: classes.select[0]: ", "and 1980 more problems"),
        ("film: {fps: [1]}\n" + "".join(f"k{i}: 1\n" for i in range(20)), "f.yaml:1: film.fps: ", "and 1 more"),
    ],
)
def test_of_many_problems_the_first_are_told_and_the_others_counted(text, first, last):
    lines = message_of(text, "f.yaml").splitlines()
    assert len(lines) == 21
    assert lines[0].startswith(first)
    assert lines[-1].startswith(last)


def test_of_many_problems_only_the_first_are_looked_into(monkeypatch):
    asked = []
    monkeypatch.setattr(problems, "nearest", lambda *given, **likeness: asked.append(given) or [])
    message_of("".join(f"k{i}: 1\n" for i in range(2000)), "f.yaml")
    assert 0 < len(asked) <= 100


def test_long_keys_are_shortened():
    assert len(message_of(f"film: {{? {'w' * 5000} : 3}}", "f.yaml")) < 300


def test_long_values_are_shortened():
    assert len(message_of(f"film: {{width: {'wide ' * 1000}}}", "f.yaml")) < 200


def test_message_names_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("film: {width: 1}")
    with pytest.raises(UserError) as caught:
        load_settings(str(path))
    assert str(caught.value).startswith(f"{path}:1: film.width: ")


def test_a_key_of_another_kind_within_a_section_of_another_kind():
    with pytest.raises(UserError, match=r"network\.targets\.layers: goes with network\.targets\.kind"):
        load_settings("inversion", ["network.source=embedded", "network.targets.layers=[features.1]"])


def test_what_is_wrong_with_two_sections_together_names_their_keys_alone():
    text = "network: {targets: {kind: layers, layers: [features.1]}}\nstart: {kind: picture, mask: class}"
    with pytest.raises(UserError, match=r"^start\.mask: class looks for a class"):
        parse_settings(text, "mine.yaml")
