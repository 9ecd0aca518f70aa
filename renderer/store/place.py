"""Where a run lies: in a directory of this machine, or in a store that a URL names. Loads next to nothing."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from renderer.common.errors import UserError

TYPE_CHECKING = False  # as type checkers know it; the module that has it loads slowly
if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE_VARIABLE = "NEURON_ATLAS_CACHE"
"""Variable of the environment that names the folder of working copies."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
_NEARLY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[/\\]|.*://", re.DOTALL)
"""A drive of Windows has one letter."""
_OF_DISK = ("file", "local")
_UNSAFE = ("s3", "s3a", "gs", "gcs")
"""Stores whose URLs have no place for credentials; what stands there would be taken for the bucket's name."""
_READ_ONLY = ("http", "https", "data")
_SECRET = re.compile(r"(://[^/\s:@]*):[^/\s]*@")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST", "AWS_PROFILE", "AWS_CONFIG_FILE")
"""Variables by which the same name may be another store."""
_LONGEST_NAME = 60


@dataclass(frozen=True)
class StoreUrl:
    """The URL of a run in a store.

    Attributes:
        text: The URL, without a slash at its end. It may hold a password: `str` does without.
    """

    text: str

    @property
    def scheme(self) -> str:
        """What kind of store it is, such as `s3`."""
        return self.text.partition("://")[0].lower()

    @property
    def name(self) -> str:
        """The last part of it, as directories have a name."""
        return self.text.rpartition("/")[2]

    def __str__(self) -> str:
        return without_secrets(self.text)


@dataclass(frozen=True)
class Place:
    """Where a run lies.

    Attributes:
        directory: The directory in which programs of this machine find it; of a store a working copy.
        url: The store, where it lies in one.
    """

    directory: Path
    url: StoreUrl | None = None

    @property
    def held(self) -> Path:
        """Folder of a working copy, and of what is noted of it."""
        return self.directory.parent

    def of_shard(self, name: str) -> Place:
        """The same for a shard, which has a working copy of its own."""
        return self if self.url is None else replace(self, directory=_working_copy(self.url, name))

    def __str__(self) -> str:
        return str(self.url or self.directory)


def read_place(text: str) -> Place:
    """The place that a command line names.

    Args:
        text: Path of a directory, or a URL: of a store, or `file://`, which is a path too.

    Raises:
        UserError: It is neither.
    """
    match = _URL.fullmatch(text)
    if match is None:
        if _NEARLY.match(text):
            raise UserError(f"{without_secrets(text)!r} is no URL; write it as s3://bucket/name, or ./ before a path")
        return Place(Path(text))
    scheme, rest = match["scheme"].lower(), match["rest"].rstrip("/")
    if scheme in _OF_DISK:
        return Place(_path_of(text, match["rest"]))
    _refuse_wrong(text, scheme, rest)
    url = StoreUrl(f"{scheme}://{rest}")
    return Place(_working_copy(url), url)


def read_path(text: str) -> Path:
    """A path to write to that a command line names; raises UserError for a store, where only whole runs are kept."""
    place = read_place(text)
    if place.url is None:
        return place.directory
    raise UserError(f"{place}: only a run is kept in a store, and this is no run; give a path, and copy the file there")


def read_directory(text: str) -> Path:
    """The directory, or file, that a command line names; raises UserError for a store, which is to be fetched."""
    place = read_place(text)
    if place.url is None:
        return place.directory
    raise UserError(
        f"{place} lies in a store, and this works on what is on the disk; fetch a copy, and give that:\n"
        f"  {shlex.join(['neuron-atlas', 'fetch', str(place), f'runs/{place.url.name}'])}"
    )


def without_secrets(text: str) -> str:
    """A text without the passwords of URLs in it."""
    return _SECRET.sub(r"\1:***@", text)


def _refuse_wrong(text: str, scheme: str, rest: str) -> None:
    shown = without_secrets(text)
    if scheme in _READ_ONLY:
        raise UserError(f"{shown}: nothing can be listed and written over {scheme}; give a directory, or a store")
    if not rest.strip("/"):
        raise UserError(f"{shown} names no place; write it as {scheme}://bucket/name")
    if "::" in rest:
        raise UserError(f"{shown}: a run lies in one store, not in one inside another; give the URL of that one")
    if any(ord(letter) < ord(" ") for letter in text):
        raise UserError(f"{shown!a}: a URL has no control characters")
    if scheme in _UNSAFE and _SECRET.search(text):
        raise UserError(
            f"{shown}: credentials do not belong in the URL; give them as the tools of that store take them, such as "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a profile"
        )


def _path_of(text: str, rest: str) -> Path:
    from urllib.request import url2pathname  # noqa: PLC0415  loads slowly

    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise UserError(f"{text}: a file of another machine; write file:///folder, or the path alone")
    return Path(url2pathname(f"/{path}"))


def _working_copy(url: StoreUrl, shard: str = "") -> Path:
    """Folder on this machine for a run in a store; one for each store, for two may have the same names."""
    told = [str(url), *(os.environ.get(name, "") for name in _ENDPOINTS)]
    digest = hashlib.blake2b("\n".join(told).encode(errors="replace"), digest_size=5).hexdigest()
    name = re.sub(r"[^A-Za-z0-9]+", "-", str(url).partition("://")[2]).strip("-")[-_LONGEST_NAME:]
    return cache_folder(os.environ) / "stores" / "-".join(filter(None, [name, digest, shard])) / "run"


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Folder for what can be fetched again, as the system's custom is.

    Args:
        environment: Variables of the environment.
    """
    if own := environment.get(CACHE_VARIABLE):
        return Path(own).expanduser().absolute()
    if sys.platform == "win32" and (local := environment.get("LOCALAPPDATA")):
        return Path(local) / "neuron-atlas" / "cache"
    if (common := environment.get("XDG_CACHE_HOME")) and Path(common).is_absolute():
        return Path(common) / "neuron-atlas"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "neuron-atlas"
    return Path.home() / ".cache" / "neuron-atlas"
