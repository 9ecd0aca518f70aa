"""From a YAML file and `--set` to checked settings, and back."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file
from renderer.common.section import Section
from renderer.common.wording import did_you_mean, nearest
from renderer.networks.source import NetworkSource
from renderer.networks.sources.torchvision import ENDINGS
from renderer.settings.overrides import Overrides, completed, merge, parse_overrides
from renderer.settings.own_values import refuse_wrong_entries
from renderer.settings.presets import kind_of_network, layers_below, suiting_path, suiting_start
from renderer.settings.problems import describe_problems
from renderer.settings.python_values import mark
from renderer.settings.sections import Settings
from renderer.settings.shape import Variants, settings_shape
from renderer.settings.shipped import shipped_configs
from renderer.settings.yaml_limits import MOST_CHARACTERS
from renderer.settings.yaml_source import Marked, parse_yaml
from renderer.targets.selection import said_of, select_classes

_MOST_NEIGHBORS = 10_000  # files of a folder that are looked through


@dataclass(frozen=True)
class LoadedConfig:
    """Checked settings and where they come from.

    Attributes:
        name: The file's name without its ending: names the run's directory.
        path: The file.
        settings: What it and `--set` say.
    """

    name: str
    path: Path
    settings: Settings


def load_settings(config: str, overrides: Overrides = ()) -> LoadedConfig:
    """Read and check a configuration.

    Args:
        config: Path of a YAML file, or the name of a shipped configuration, which comes first: `./name` is a path.
        overrides: Settings from the command line or from Python; of two for one key the last holds.

    Returns:
        The settings, with defaults for all that is not said.

    Raises:
        UserError: There is no such file, it is not YAML, or some settings are wrong; the message names them all.
    """
    path = find_config(config)
    return LoadedConfig(path.stem, path, parse_settings(_read(path), str(path), overrides))


def find_config(config: str) -> Path:
    """Path of a configuration that is given by path or by shipped name; raises UserError where there is none."""
    shipped = shipped_configs()
    if config in shipped:
        return shipped[config]
    path = Path(config)
    if is_ordinary_file(path):
        return path
    near = [*_neighbors(path), *nearest(path.stem, shipped, count=1)]
    remedy = did_you_mean(near) or "; give a path or one of these names"
    known = f"shipped: {', '.join(shipped)}; relative paths are taken from {Path.cwd()}"
    raise UserError(f"{config}: no such file or shipped configuration{remedy} ({known})")


def _neighbors(path: Path) -> list[str]:
    """Configurations in the same folder whose names resemble that of a missing one."""
    try:
        others = list(islice(path.parent.iterdir(), _MOST_NEIGHBORS))
    except OSError:
        return []
    configs = {other.stem: str(other) for other in others if other.suffix in {".yaml", ".yml"}}
    return [configs[stem] for stem in nearest(path.stem, configs, count=1)]


def parse_settings(text: str, name: str, overrides: Overrides = ()) -> Settings:
    """Check settings that are given as YAML text; `name` names it in messages. Raises UserError.

    What lies over what: the overrides over the text, the text over its preset, the preset over what suits the family of
    the network, and that over the models' defaults.
    """
    tree = parse_yaml(text, lambda line: f"{name}:{line}")
    if not isinstance(tree.value, dict | None):
        sections = ", ".join(settings_shape().keys)
        raise UserError(f"{tree.place}: settings must be a mapping of sections ({sections}), not {tree.plain()!r:.60}")
    return _timed(_layered(tree, parse_overrides(overrides)))


def check_settings(data: Mapping[str, object] | Section, overrides: Overrides = ()) -> Settings:
    """Check settings that are given as plain Python data, or checked ones with overrides; as `parse_settings`."""
    return _timed(_layered(mark(data, "settings"), parse_overrides(overrides)))


def parse_network(text: str, place: str, weights: str | None = None) -> NetworkSource:
    """Check a network that is named on the command line, as the settings' section `network` is checked.

    Args:
        text: `embedded`, `torchvision:NAME` (in general source and name), or the section's mapping as YAML.
        place: What begins a message about it.
        weights: The key `weights`, where it is given apart from the rest.

    Raises:
        UserError: It is none of these; the message names every key that is wrong.
    """
    tree = parse_yaml(text, lambda _: place)
    if isinstance(tree.value, str):
        tree = _named_network(tree.value, place)
    if weights is not None:
        tree = merge(tree, Marked({"weights": Marked(weights, place)}, place), shape=None)
    return _checked(Marked({"network": tree}, place)).network


def find_network(text: str, place: str = "NETWORK") -> NetworkSource:
    """The network that somebody means: one of torchvision by its name alone, that of a configuration, or as above.

    Args:
        text: How it is called.
        place: What begins a message about it.

    Raises:
        UserError: There is none.
    """
    if text.endswith((".yaml", ".yml")) or text in shipped_configs():
        return load_settings(text, []).settings.network
    shape = settings_shape().keys["network"]
    is_name = ":" not in text and not (isinstance(shape, Variants) and text in shape.groups)
    return parse_network(f"torchvision:{text}" if is_name else text, place)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.read(MOST_CHARACTERS + 1)  # What is longer is refused, and never read whole.
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a readable file") from error


def _named_network(text: str, place: str) -> Marked:
    source, colon, name = text.partition(":")
    shape = settings_shape().keys["network"]
    if not colon and isinstance(shape, Variants) and source not in shape.groups:
        if text.lower().endswith(ENDINGS):
            said = f"is a file of weights; name its network, as torchvision:NAME, and the file with --weights {text}"
            raise UserError(f"{place}: {said}")
        raise UserError(f"{place}: a network is named by source and name, such as torchvision:{text}")
    named = {"name": Marked(name, place)} if colon else {}
    return Marked({"source": Marked(source, place)} | named, place)


def _layered(text: Marked, overrides: Marked) -> Marked:
    shape, text = settings_shape(), _given_way(text, overrides)
    said = merge(text, overrides, shape).plain()
    # One after another: whether a part that does not name its kind goes with what lies below is decided there.
    suiting = [suiting_start(said), suiting_path(said)]
    trees = [*(layer.tree for layer in layers_below(said)), *suiting, text, overrides]
    return reduce(lambda below, over: merge(below, over, shape), trees)


def _given_way(text: Marked, overrides: Marked) -> Marked:
    """The text without what belongs to its own network alone, where the command line names another one of its source.

    So a configuration may name weights, and any network that has none of that name still dreams with its own.
    """
    below, over = ((tree.plain() or {}).get("network") for tree in (text, overrides))
    if not isinstance(below, dict) or not isinstance(over, dict) or "name" not in over:
        return text
    kind = kind_of_network(below)
    if kind is None or kind is not kind_of_network(below | over):
        return text
    bound = set(kind.bound_keys(below, str(over["name"]))) - set(over)
    return _without(text, "network", bound) if bound else text


def _without(tree: Marked, section: str, keys: Collection[str]) -> Marked:
    """The tree without some keys of a section."""
    entries = dict(tree.value) if isinstance(tree.value, dict) else {}
    inner = entries[section]
    kept = inner.value.items() if isinstance(inner.value, dict) else ()
    entries[section] = Marked({key: entry for key, entry in kept if key not in keys}, inner.place)
    return Marked(entries, tree.place)


def _timed(tree: Marked) -> Settings:
    """The settings, checked; where nobody says how long a class is shown, a film to start from may say it."""
    settings = _checked(tree)
    seconds = None if "seconds_per_class" in _keys(tree, "film") else _seconds(settings)
    if seconds is None:
        return settings
    return settings.model_copy(update={"film": settings.film.model_copy(update={"seconds_per_class": seconds})})


def _seconds(settings: Settings) -> float | None:
    if not settings.start.moves:
        return None
    # Their order does not matter.
    classes, known = settings.classes.model_copy(update={"order": "index"}), settings.network.known_targets()
    targets = select_classes(classes, known, seed=settings.run.seed, output_weights=None)
    said, even = said_of(classes, known, targets), settings.start.seconds_of(len(targets), settings.film.fps)
    if even is None or not said:
        return even
    left = even * len(targets) - sum((one.seconds or 0.0) + one.card_seconds for one in said.values())
    sharing = len(targets) - sum(one.seconds is not None for one in said.values())
    return left / sharing if sharing and left > 0 else even


def _keys(tree: Marked, section: str) -> Collection[str]:
    entries = tree.value if isinstance(tree.value, dict) else {}
    inner = entries[section].value if section in entries else None
    return inner if isinstance(inner, dict) else ()


def _checked(tree: Marked) -> Settings:
    tree = completed(tree, settings_shape())
    try:
        settings = Settings.model_validate_json(json.dumps(tree.plain()))
    except ValidationError as error:
        raise UserError(describe_problems(error, tree)) from error
    refuse_wrong_entries(settings.classes, tree)
    return settings
