"""Where a command line says that a run lies: paths as they always were, and URLs."""

from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.store.place import CACHE_VARIABLE, cache_folder, read_directory, read_place, without_secrets


@pytest.mark.parametrize(
    "text", ["runs/one", "/data/run", ".", "C:/films/run", "C:\\films\\run", "über/a b", "a:b", "./s3:/x", "a\udcffb"]
)
def test_a_path_stays_a_path(text: str) -> None:
    place = read_place(text)
    assert (place.directory, place.url) == (Path(text), None)
    assert place.of_shard("shard-1-of-2") == place
    assert str(place) == str(Path(text))


@pytest.mark.parametrize("text", ["s3://films/run", "s3://films/run/", "S3://films/run///"])
def test_a_url_is_the_same_with_slashes_and_without(text: str) -> None:
    assert str(read_place(text)) == "s3://films/run"
    assert read_place(text).directory == read_place("s3://films/run").directory


@pytest.mark.parametrize(
    ("text", "path"),
    [("file:///data/my%20run", "/data/my run"), ("file://localhost/data/x", "/data/x"), ("local:///x/", "/x")],
)
def test_a_url_of_the_disk_is_a_path(text: str, path: str) -> None:
    place = read_place(text)
    assert (place.directory, place.url) == (Path(path), None)


@pytest.mark.parametrize(
    "text",
    ["file://other/data", "file://x", "http://a/b", "s3:/x", "s3:\\x", "s3://", "s3://a\nb", "zip://a.zip::s3://b/c"],
)
def test_what_is_neither(text: str) -> None:
    with pytest.raises(UserError):
        read_place(text)


def test_each_store_has_a_working_copy_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    urls = ["s3://films/run", "s3://films/run2", "s3://films/RUN", "gs://films/run", "s3://films/a b", "s3://films/a-b"]
    folders = [read_place(url).directory for url in urls]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    folders.append(read_place(urls[0]).directory)
    folders += [read_place(urls[0]).of_shard(name).directory for name in ("shard-1-of-2", "shard-2-of-2")]
    assert len({str(folder).lower() for folder in folders}) == len(folders)
    assert all(folder.parents[2] == tmp_path and folder.name == "run" for folder in folders)


@pytest.mark.parametrize("scheme", ["ftp", "sftp"])
def test_passwords_are_not_shown(scheme: str) -> None:
    place = read_place(f"{scheme}://me:geheim@host/run")
    assert place.url
    assert "geheim" in place.url.text
    assert str(place) == f"{scheme}://me:***@host/run"
    assert "geheim" not in f"{place} {place.directory} {place.url}"
    with pytest.raises(UserError) as raised:
        read_directory(f"{scheme}://me:geheim@host/run")
    assert "geheim" not in str(raised.value)
    assert without_secrets("render x -o sftp://me:geheim@host/run --yes") == "render x -o sftp://me:***@host/run --yes"


def test_where_working_copies_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "neuron-atlas"
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / "neuron-atlas"
    assert cache_folder({CACHE_VARIABLE: str(tmp_path), "XDG_CACHE_HOME": "/x"}) == tmp_path
