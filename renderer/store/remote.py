"""A store that fsspec knows, S3 and its like, as far as a run needs it: whole files by name, put at one stroke."""

from __future__ import annotations

import errno
import hashlib
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeVar

from renderer.common.errors import UserError
from renderer.common.wording import shortened
from renderer.store.place import StoreUrl, without_secrets

_LOG = logging.getLogger(__name__)
Given = TypeVar("Given")

PAUSES: tuple[float, ...] = (0.5, 1, 2, 4, 8, 16)
"""Seconds before each further try, where the network failed."""

_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), '"neuron-atlas[cloud]"'),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
}
_S3_PATIENCE = {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 1}}
_BUCKETS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "cos", "obs", "tos")
"""Stores without folders: names may have slashes, and nothing has to be made for them."""
_IDENTITIES = ("ETag", "etag", "md5Hash", "md5", "generation", "mtime", "LastModified", "last_modified", "created")
"""What stores tell of the contents of a file, what tells most first."""
_LONGEST = 200
_MD5 = re.compile(r"[0-9a-f]{32}")
_HOW_TO_LOG_IN = (
    "give credentials as the tools of that store take them: for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the "
    "environment, or a profile (AWS_PROFILE), and AWS_ENDPOINT_URL for a store that is not Amazon's"
)


class StoreError(OSError):
    """A store cannot be reached, or fails; what was asked of it may be tried again later."""


class StoreRefusedError(UserError):
    """A store refuses what was asked of it, and would refuse it again."""


@dataclass(frozen=True)
class Entry:
    """A file in a store.

    Attributes:
        size: In bytes.
        identity: What the store tells of its contents; other contents have another. Empty if it tells nothing.
    """

    size: int
    identity: str

    def is_surely(self, other: Entry) -> bool:
        """Whether it has the same contents, so far as the store tells."""
        return bool(self.identity) and self == other

    def is_of(self, path: Path, size: int) -> bool:
        """Whether it surely has the contents of a file of so many bytes, which S3 and its like tell by their MD5."""
        if size != self.size or not _MD5.fullmatch(self.identity):
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, _md5).hexdigest() == self.identity


class Store:
    """The folder of a run in a store; any thread may use it."""

    def __init__(self, url: StoreUrl, files: Any, root: str, tell: Callable[[str], None]) -> None:
        """Take a store that is known; `connect` finds it.

        Args:
            url: What it is called.
            files: The file system of fsspec.
            root: The folder there.
            tell: Is told, once for each trouble, what is tried again.
        """
        self.url, self._files, self._root, self._tell = url, files, root, tell
        self.hurry = Event()
        """Once it is set, nobody waits before another try."""
        self._is_reached, self._troubled = False, False
        self._made, self._making = set[str](), Lock()

    def listing(self) -> dict[str, Entry]:
        """All files there, by their names from the folder.

        Raises:
            StoreRefusedError: There is no such bucket, or it may not be listed.
            StoreError: It cannot be reached.
        """

        def find() -> Mapping[str, Any]:
            try:
                found: Mapping[str, Any] = self._files.find(self._root, detail=True)
            except FileNotFoundError:
                if self._has_buckets:
                    raise
                return {}
            return found

        before = f"{self._root}/"
        found = self._persistently(find, "list")
        named = {name.removeprefix(before): info for name, info in found.items() if name.startswith(before)}
        return {name: _entry(info) for name, info in named.items() if name and not name.endswith("/")}

    def read(self, name: str, most: int | None = None) -> bytes:
        """The contents of a file, or so many bytes of its beginning; raises as `get`."""
        data: bytes = self._persistently(partial(self._files.cat_file, self._path(name), start=0, end=most), "read")
        return data

    def get(self, name: str, path: Path) -> None:
        """Copy a file from there to here.

        Args:
            name: Its name there.
            path: Where to; what is there is written over, and may be left in part.

        Raises:
            StoreRefusedError: It is not there, or may not be read.
            StoreError: It cannot be reached.
        """
        self._persistently(partial(self._files.get_file, self._path(name), str(path)), "read")

    def put(self, name: str, contents: Path | bytes) -> Entry:
        """Copy a file from here to there, at one stroke as far as the store has that.

        Args:
            name: Its name there; a file of that name is replaced.
            contents: A file, or what is to be in it.

        Raises:
            StoreRefusedError: There is no such bucket, nothing may be written there, or the file is not here.
            StoreError: It cannot be reached.
        """
        path = self._path(name)

        def put_and_look() -> Entry:
            self._make_folder(path)
            sizes = {_size(contents)}
            if isinstance(contents, Path):
                self._files.put_file(str(contents), path)
            else:
                self._files.pipe_file(path, contents)
            sizes.add(_size(contents))  # another one may have taken its place just now
            try:
                found = self._look(path)
            except FileNotFoundError as error:
                raise OSError(f"{name} is not there once it was put") from error
            if found.size not in sizes:
                raise OSError(f"{name} has {found.size} bytes once it was put, and not {max(sizes)}")
            return found

        return self._persistently(put_and_look, "write")

    def create(self, name: str, contents: bytes) -> Entry | None:
        """Put a file unless it is there; of several machines that do so at once, one comes first.

        Stores that know no such thing are asked before; there two at the very same moment may both come first.

        Args:
            name: Its name.
            contents: What is to be in it.

        Returns:
            None if another one is there; one with the same contents counts as this one.

        Raises:
            StoreRefusedError, StoreError: As `put`.
        """
        path = self._path(name)

        def create() -> None:
            self._make_folder(path)
            try:
                self._files.pipe_file(path, contents, mode="create")
            except FileExistsError:
                raise
            except (NotImplementedError, TypeError, ValueError):
                if self._files.exists(path):
                    raise FileExistsError(path) from None
                self._files.pipe_file(path, contents)

        try:
            self._persistently(create, "write")
        except FileExistsError:
            if self.read(name) != contents:
                return None
        return self._persistently(partial(self._look, path), "read")

    def remove(self, name: str) -> None:
        """Remove a file, if it is there; raises as `put`."""

        def remove() -> None:
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

        self._persistently(remove, "remove")

    @property
    def _has_buckets(self) -> bool:
        return self.url.scheme in _BUCKETS

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _look(self, path: str) -> Entry:
        return _entry(self._files.info(path))

    def _make_folder(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        with self._making:
            if not self._has_buckets and folder not in self._made:
                self._files.makedirs(folder, exist_ok=True)
                self._made.add(folder)

    def _persistently(self, act: Callable[[], Given], doing: str) -> Given:
        """Do something, again where the network fails; for long only where it has worked before."""
        for pause in (*(PAUSES if self._is_reached else PAUSES[:2]), None):
            try:
                given = act()
            except FileExistsError:
                raise
            except Exception as error:  # noqa: BLE001  each store has errors of its own
                self._judge(error, doing, pause)
            else:
                self._is_reached, self._troubled = True, False
                return given
            self.hurry.wait(pause)
        raise AssertionError("the last try raises")

    def _judge(self, error: Exception, doing: str, pause: float | None) -> None:
        """Raise what trying again does not help with."""
        if _is_of_this_disk(error):
            raise error
        said = _words(error)
        _LOG.info("%s: cannot %s: %s: %s", self.url, doing, type(error).__name__, said)
        if remedy := _remedy(error):
            raise StoreRefusedError(f"{self.url}: {said.rstrip('.')}; {remedy}") from error
        if pause is None:
            raise StoreError(f"{self.url} cannot be reached, or fails: {said}") from error
        if not self._troubled:
            self._troubled = True
            self._tell(f"{self.url}: {said}; trying again for a while")


def connect(url: StoreUrl, tell: Callable[[str], None]) -> Store:
    """Find the store that a URL names; what is there is not looked at.

    Args:
        url: The URL.
        tell: Is told what is tried again.

    Raises:
        StoreRefusedError: The kind of store is unknown, its package is not installed, or it refuses to be opened.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415  only for URLs

        options = {"config_kwargs": _S3_PATIENCE} if url.scheme in ("s3", "s3a") else {}
        files, root = url_to_fs(url.text, skip_instance_cache=True, **options)
        if options:
            files.retries = 1  # we try again ourselves, and tell
    except ImportError as error:
        package = _PACKAGES.get(url.scheme)
        install = f"install it with: pip install {package}" if package else f"{error}"
        raise StoreRefusedError(f"{url}: {url.scheme}:// needs a package that is not there; {install}") from error
    except ValueError as error:
        raise StoreRefusedError(
            f"{url}: {str(error).rstrip('.')}; s3://, gs:// and what else fsspec knows can be given, or a directory"
        ) from error
    except Exception as error:  # some log in at once
        raise StoreRefusedError(f"{url}: {_words(error)}") from error
    if (cache := getattr(files, "dircache", None)) is not None:
        cache.use_listings_cache = False  # what one thread has listed is not what another one has put since
    return Store(url, files, root.rstrip("/"), tell)


def _is_of_this_disk(error: Exception) -> bool:
    """Whether it is not the store that fails."""
    if not isinstance(error, OSError):
        return False
    here = isinstance(error.filename, str) and Path(error.filename).is_absolute()
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS) or (isinstance(error, PermissionError) and here)


def _entry(info: Mapping[str, Any]) -> Entry:
    value = next((info[key] for key in _IDENTITIES if info.get(key)), "")
    told = value.timestamp() if hasattr(value, "timestamp") else value
    return Entry(int(info.get("size") or 0), str(told).strip('"'))


def _words(error: Exception) -> str:
    """What an error says, in one line that is not too long, and holds no password."""
    return shortened(without_secrets(" ".join(str(error).split())) or type(error).__name__, _LONGEST)


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _size(contents: Path | bytes) -> int:
    return contents.stat().st_size if isinstance(contents, Path) else len(contents)


def _remedy(error: Exception) -> str | None:
    """What is to be done where trying again does not help; None where it may."""
    match error:
        case _ if any(word in type(error).__name__ for word in ("Credential", "ProfileNotFound")):
            return _HOW_TO_LOG_IN
        case PermissionError():
            return f"see that you may list, read, write and remove there; {_HOW_TO_LOG_IN}"
        case FileNotFoundError():
            return "see that the name is right; a bucket has to be made before, with the tools of that store"
        case NotImplementedError():
            return "this kind of store cannot do that; choose another one"
        case _ if isinstance(error, ValueError | TypeError) or "Validation" in type(error).__name__:
            return "see that the URL is right"
        case _:
            return None
