"""The JSON schema of the settings, by which editors complete keys, show what they mean and mark what is wrong.

It is of draft 7, which the YAML servers of editors know best. It accepts all that the program accepts, and refuses what
one key by itself tells to be wrong; what follows from several keys together, only the program knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from renderer.dream.dreaming import Dream
from renderer.settings.sections import Settings
from renderer.targets.selection import Classes
from renderer.targets.storyboard import ENTRY_MODELS

SCHEMA_FILE = Path(__file__).parent / "neuron-atlas.schema.json"
"""The schema as it is shipped; `scripts/write_settings_reference.py` writes it."""
SCHEMA_TITLE = "Configuration of neuron-atlas"

Schema = dict[str, Any]

# Besides true and false; what YAML 1.1 takes for them, which the settings take too.
_SWITCH = {"type": ["boolean", "string"], "pattern": "^([oO][nN]|[oO][fF][fF]|[yY][eE][sS]|[nN][oO])$"}
_REFERENCE = "#/$defs/"


def editor_schema() -> Schema:
    """The schema, plain."""
    schema = Settings.model_json_schema()
    sections = schema["$defs"]
    for name in set(_kinds_to_be_named(schema)):
        section = sections[name]
        tag = next(key for key in ("source", "kind") if key in section["properties"])
        section["required"] = [tag, *(key for key in section.get("required", ()) if key != tag)]
    _accept_single_entries(sections[Classes.__name__]["properties"])
    told = {"$schema": "http://json-schema.org/draft-07/schema#", "title": SCHEMA_TITLE}
    return told | {key: below for key, below in _plainer(schema).items() if key not in told}


def schema_text() -> str:
    """The file."""
    return json.dumps(editor_schema(), ensure_ascii=False, indent=1) + "\n"


def _kinds_to_be_named(schema: Schema) -> Iterator[str]:
    """The kinds of sections that have to name themselves, since they are not the default.

    In `dream`, none have to: what is not said there is as the preset or the network's family has it.
    """
    sections = {name: section for name, section in schema["$defs"].items() if name != Dream.__name__}
    for section in (schema, *sections.values()):
        for key in section.get("properties", {}).values():
            kinds = key.get("discriminator", {"mapping": {}})
            usual = key.get("default", {})
            for kind, reference in kinds["mapping"].items():
                if usual.get(kinds["propertyName"]) != kind:
                    yield reference.removeprefix(_REFERENCE)


def _accept_single_entries(keys: Schema) -> None:
    """Let `select: all` be, and tell what entries consist of that are mappings."""
    mappings = [_told_entry(model.model_json_schema()) for model in ENTRY_MODELS.values()]
    for name in ("select", "exclude"):
        entries = keys[name]["items"]
        all_ = entries.get("anyOf", [entries])
        plain = [option for option in all_ if option.get("type") != "object"]
        options = [*plain, *(mappings if len(plain) < len(all_) else [])]
        told = {part: keys[name].pop(part) for part in ("description", "default")}
        entry = {"anyOf": options}
        keys[name] = {**told, "anyOf": [*options, keys[name] | {"items": entry}]}


def _told_entry(entry: Schema) -> Schema:
    """An entry of which lists may be single values, as `select: all` is."""
    for key in entry["properties"].values():
        if key.get("type") == "array":
            items, told = key["items"], {"description": key.pop("description")}
            single = items.get("anyOf", [items])
            array = dict(key)
            key.clear()
            key |= {**told, "anyOf": [*single, array]}
    return entry


def _plainer(schema: Schema) -> Schema:
    """What pydantic says of a value, in words that draft 7 and editors know."""
    is_section = "$defs" in schema or schema.get("additionalProperties") is False
    plain: Schema = {}
    for word, said in schema.items():
        if word == "type" and said == "object" and is_section:
            plain[word] = [said, "null"]  # a section without a value changes nothing
        else:
            plain |= _parts(word, said)
    return plain


def _parts(word: str, said: Any) -> Schema:
    """One word of a schema, where it is made of schemas."""
    match word, said:
        case (("properties" | "$defs"), dict()):
            return {word: {key: _plainer(below) for key, below in said.items()}}
        case (("anyOf" | "oneOf"), list()):  # of several kinds; an empty section is of any
            return {"anyOf": [_plainer(option) for option in said]}
        case "prefixItems", list():
            return {"items": [_plainer(entry) for entry in said], "additionalItems": False}
        case (("items" | "additionalProperties"), dict()):
            return {word: _plainer(said)}
        case _:
            return _word(word, said)


def _word(word: str, said: Any) -> Schema:
    """One word of a schema that is made of none."""
    match word, said:
        case ("title" | "discriminator", _) | ("format", "path") | ("default", dict()):
            return {}
        case "type", "boolean":
            return _SWITCH
        case "description", str():
            return {word: " ".join(said.split())}
        case _:
            return {word: said}


def is_editor_schema(told: object) -> bool:
    """Whether the data of a file are such a schema, of this version or another."""
    return isinstance(told, Mapping) and told.get("title") == SCHEMA_TITLE
