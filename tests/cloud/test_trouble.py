"""When a store fails or refuses: what is finished is kept, said in one message, and put as soon as that can be done."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import fsspec.registry  # noqa: F401
import pytest

from renderer.cli import main
from renderer.common.errors import UserError
from renderer.jobs.commands import render
from renderer.store import carrying
from renderer.store.carrying import Carrier
from renderer.store.place import CACHE_VARIABLE
from renderer.store.remote import StoreError
from tests.cloud.helpers import LOG_IN, Machine, Network, Watch, contents, s3_server
from tests.cloud.test_stored_runs import of_folder, of_store
from tests.fake_worker import FakeWorker
from tests.film_helpers import TINY, Recorder, request


def test_a_put_that_fails_twice_is_tried_again(machine: Machine, url: str, patch: pytest.MonkeyPatch) -> None:
    import s3fs  # noqa: PLC0415

    put, failed = s3fs.S3FileSystem._put_file, []

    async def unsteady(self: object, here: str, there: str, *args: object, **options: object) -> None:
        if "segments/" in there and failed.count(there) < 2:
            failed.append(there)
            raise OSError("the line is bad")
        await put(self, here, there, *args, **options)

    patch.setattr(s3fs.S3FileSystem, "_put_file", unsteady)
    machine.render(url)
    assert len(failed) == 2 * len(set(failed)) > 2
    said = [note for note in machine.told.notes if "the line is bad" in note]
    assert said
    assert all("trying again" in note for note in said)


def test_a_network_that_fails_ends_the_run_and_the_same_command_goes_on(
    tmp_path: Path, machine: Machine, network: Network, url: str
) -> None:
    def fail(number: int) -> None:
        if number == 25:
            network.fail()

    with pytest.raises(StoreError, match=r"not there yet; all is kept in .* the same command goes on") as raised:
        machine.render(url, on_frame=fail)
    assert str(raised.value).count("not there yet") == 1
    with pytest.raises(StoreError, match="cannot be reached"):
        machine.render(url)
    network.mend()
    there, here = contents(url).keys(), machine.has
    assert here > there
    _, worker = machine.render(url)
    uninterrupted = FakeWorker(request(tmp_path).settings)
    render(request(tmp_path / "run"), Recorder(), lambda _settings: uninterrupted)
    assert worker.frames < uninterrupted.frames
    assert of_store(url) == of_folder(tmp_path / "run")


def test_what_a_killed_process_had_not_put_is_put_at_the_next_start(
    tmp_path: Path, machine: Machine, other: Machine, url: str
) -> None:
    """A film is finished while nothing is carried, as if a process were killed at its end."""
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(Carrier, "_next", lambda _carrier: None)
        killed.setattr(Carrier, "_settle", lambda *_args, **_options: None)
        killed.setattr(carrying, "_MOST_WAITING", 10**6)
        machine.render(url)
    assert contents(url).keys() == {"run.yaml"}
    _, worker = machine.render(url)
    assert worker.frames == 0
    assert of_store(url) == of_folder(tmp_path / "run")


def test_of_two_machines_that_begin_at_the_same_moment_one_is_refused(
    machine: Machine, other: Machine, watch: Watch, url: str
) -> None:
    def second(name: str) -> None:
        if name == "run.yaml":
            watch.before = lambda _name: None
            other.render(url, "run.seed=5")

    watch.before = second
    with pytest.raises(UserError, match="another machine has begun a run there just now"):
        machine.render(url)
    whole = of_store(url)
    _, worker = other.render(url, "run.seed=5")
    assert worker.frames == 0
    assert of_store(url) == whole


TINY_FILM = [f"--set={override}" for override in TINY]


Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(patch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the program; gives its exit code, and what it says of an error."""
    patch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    patch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert not list((tmp_path / "cache").rglob("*")), "nothing is left"
        return int(ended.value.code or 0), said

    return run


def test_a_bucket_that_is_not_there(url: str, command: Command) -> None:
    code, said = command("render", "quickstart", *TINY_FILM, "--output", "s3://no-such-bucket/run")
    assert code == 2
    assert said.startswith("Error: s3://no-such-bucket/run: The specified bucket does not exist; see that the name")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("render", "quickstart", *TINY_FILM, "-o"), ("status",), ("fetch",)])
def test_credentials_that_are_wrong(
    url: str, patch: pytest.MonkeyPatch, command: Command, arguments: tuple[str, ...]
) -> None:
    with s3_server(INITIAL_NO_AUTH_ACTION_COUNT="0") as port:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        code, said = command(*arguments, "s3://films/run")
    assert code == 2
    assert said.startswith("Error: s3://films/run: ")
    assert "AWS_ACCESS_KEY_ID" in said


def test_no_credentials_at_all(url: str, patch: pytest.MonkeyPatch, command: Command) -> None:
    for name in LOG_IN:
        patch.delenv(name)
    patch.setenv("AWS_CONFIG_FILE", "nowhere")
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "nowhere")
    code, said = command("status", "s3://films/run")
    assert code == 2
    assert "Unable to locate credentials; give credentials as the tools of that store take them" in said


def test_a_store_that_is_not_there(patch: pytest.MonkeyPatch, command: Command) -> None:
    patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    code, said = command("render", "quickstart", *TINY_FILM, "-o", "s3://films/run")
    assert code == 1
    assert said.splitlines()[-1].startswith("Error: s3://films/run cannot be reached, or fails: Could not connect")


@pytest.mark.parametrize(
    ("url_given", "expected"),
    [
        ("nonsense://x/y", "Protocol not known: nonsense; s3://, gs://"),
        ("s3:/bucket/run", "'s3:/bucket/run' is no URL; write it as s3://bucket/name"),
        ("s3://", "s3:// names no place"),
        ("s3:///", "names no place"),
        ("https://films.test/run", "nothing can be listed and written over https"),
        ("s3://me:hidden@bucket/run", "s3://me:***@bucket/run: credentials do not belong in the URL"),
        ("x::s3://bucket/run", "is no URL"),
    ],
)
def test_what_is_no_url_of_a_store(command: Command, url_given: str, expected: str) -> None:
    for arguments in (("render", "quickstart", "--output"), ("status",), ("assemble",), ("page",)):
        code, said = command(*arguments, url_given)
        assert code == 2
        assert expected in said
        assert "hidden" not in said


@pytest.mark.parametrize(
    ("scheme", "install"), [("s3", 'pip install "neuron-atlas[cloud]"'), ("gs", "pip install gcsfs"), ("abfs", "adlfs")]
)
def test_a_package_that_is_not_installed(
    patch: pytest.MonkeyPatch, command: Command, scheme: str, install: str
) -> None:
    for module in ("s3fs", "gcsfs", "adlfs"):
        patch.setitem(sys.modules, module, None)
    patch.delitem(sys.modules["fsspec.registry"]._registry, scheme, raising=False)
    code, said = command("status", f"{scheme}://films/run")
    assert code == 2
    assert install in said


@pytest.mark.parametrize("name", ["sheet", "serve", "evaluate", "clip", "export", "compare"])
def test_other_commands_say_how_to_fetch_a_copy(command: Command, name: str) -> None:
    code, said = command(name, "s3://films/my run")
    assert code == 2
    assert "fetch a copy, and give that:\n  neuron-atlas fetch 's3://films/my run' 'runs/my run'" in said


def test_a_folder_of_other_things(machine: Machine, url: str, patch: pytest.MonkeyPatch) -> None:
    import s3fs  # noqa: PLC0415

    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.pipe_file(f"{url}/taxes.pdf", b"2026")
    with pytest.raises(UserError, match=r"is not empty and holds no run \(it has taxes.pdf\)"):
        machine.render(url)
    assert contents(url) == {"taxes.pdf": b"2026"}
    files.pipe_file(f"{url}/state/film.json", b"{}")
    with pytest.raises(UserError, match=r"a run without its run\.yaml"):
        machine.render(url)
    with pytest.raises(UserError, match=r"holds no run: there is no run\.yaml"):
        machine.status(f"{url}/deeper")


def test_things_of_others_beside_a_run_are_left_alone(machine: Machine, other: Machine, url: str) -> None:
    import s3fs  # noqa: PLC0415

    machine.render(url)
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    mine = {"notes.txt": b"1", "state/../../../evil.json": b"{}", "segments/x/y.mkv": b"2", "state/lock": b"3"}
    for name, data in mine.items():
        files.pipe_file(f"{url}/{name}", data)
    other.render(url, restart=True)
    assert mine.items() <= contents(url).items()
    assert not [name for name in other.has if name in mine or "evil" in name]
    assert not list(other.cache.parent.rglob("evil.json"))


def test_a_working_copy_is_for_one_process(machine: Machine, url: str) -> None:
    refused = []

    def second(number: int) -> None:
        if number == 12:
            with pytest.raises(UserError, match=f"^{url}: .*process {os.getpid()} is working in this directory") as one:
                machine.render(url)
            refused.append(one)
            assert machine.status(url).worker == os.getpid()

    machine.render(url, on_frame=second)
    assert refused
