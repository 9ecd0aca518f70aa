"""`docs/many-machines.md` and the files for clusters and farms: run as they stand, with stand-ins for the clusters."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from renderer.cli import main
from renderer.settings.loading import parse_settings
from tests.film_helpers import results
from tests.test_readme import blocks

ROOT = Path(__file__).parents[1]
PAGE, FARM = ROOT / "docs" / "many-machines.md", ROOT / "docs" / "farm"

pytestmark = pytest.mark.skipif(os.name != "posix" or not shutil.which("bash"), reason="these files are for bash")

FILM = """
network: {source: embedded}
classes: {select: [1, 2, 3, 5, 7, 8]}
film: {width: 32, height: 16, fps: 8, seconds_per_class: 1, chains: 6, lead_in_seconds: 0.5, crossfade_seconds: 0.25}
run: {batch: 2, segment_seconds: 0.5, device: cpu, precision: float32}
"""
"""Three strands."""

PROGRAM = """#!{python}
import os, sys, time
from types import SimpleNamespace
from tests.fake_worker import FakeWorker

def on_frame(number):
    if number == 9 and os.environ.get("WAITING"):
        print("dreaming", os.getpid(), flush=True)
        time.sleep(60)

sys.modules["renderer.jobs.local_worker"] = SimpleNamespace(LocalWorker=lambda settings: FakeWorker(settings, on_frame))
from renderer.program import main
main()
"""
"""The program with a fake worker, which may wait in the middle for a signal, and says so before."""


class Cluster:
    """A folder with a configuration, and the commands of a cluster, which write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._bin = folder, folder / "bin"
        self._bin.mkdir()
        (folder / "film.yaml").write_text(FILM)
        self.add("neuron-atlas", PROGRAM.format(python=sys.executable))
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SLURM_")},
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CALLS": str(folder / "calls"),
        }

    def add(self, name: str, text: str) -> None:
        """Add a command."""
        (self._bin / name).write_text(text)
        (self._bin / name).chmod(0o755)

    def run(self, *command: str | Path, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment | variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def start(self, *command: str | Path, **variables: str) -> tuple[subprocess.Popen[str], int]:
        """Start a command; gives it and, once that dreams, the number of the program that it has started."""
        environment = self.environment | {"WAITING": "1"} | variables
        process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        return process, int(process.stdout.readline().removeprefix("dreaming "))

    @property
    def calls(self) -> list[list[str]]:
        """How the cluster's commands were called, in order."""
        path = self.folder / "calls"
        return [shlex.split(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    cluster = Cluster(tmp_path)
    call = '#!/bin/bash\necho "${0##*/} ${*@Q}" >> "$CALLS"\n'
    cluster.add("scontrol", call)
    cluster.add("sbatch", call + 'echo "$(wc -l < "$CALLS");farm"\n')
    cluster.add("sleep", "#!/bin/sh\n")
    cluster.add("ssh", call + '[ "$1" = -n ] && exec sh -c "$3"\n')
    return cluster


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Results of one process."""
    cluster = Cluster(tmp_path_factory.mktemp("whole"))
    cluster.run("neuron-atlas", "render", "film.yaml", "--output", "film", OMP_NUM_THREADS="2")
    return results(cluster.folder / "film")


def edited(cluster: Cluster, config: str = "film.yaml", output: str = "$PWD/film", shards: int = 3) -> Path:
    """The job file, after a newcomer has changed the three lines."""
    text = (FARM / "slurm.sh").read_text()
    for key, value in (("config", config), ("output", output), ("shards", str(shards))):
        text, count = re.subn(rf"^{key}=\S*", lambda _: f"{key}={value}", text, flags=re.MULTILINE)  # noqa: B023
        assert count == 1
    path = cluster.folder / "slurm.sh"
    path.write_text(text)
    return path


def task(number: int, count: int = 3) -> Mapping[str, str]:
    """What SLURM tells a task of an array."""
    told = {"ID": number, "COUNT": count, "MIN": 1, "MAX": count}
    variables = {f"SLURM_ARRAY_TASK_{key}": str(value) for key, value in told.items()}
    return variables | {"SLURM_JOB_ID": str(70 + number), "SLURM_ARRAY_JOB_ID": "70", "SLURM_CPUS_PER_TASK": "2"}


def test_the_job_file_queues_an_array_and_then_the_film(cluster: Cluster) -> None:
    said = cluster.run("bash", edited(cluster))
    array, film = cluster.calls
    logs = f"{cluster.folder}/film-logs"
    assert array[1:] == ["--parsable", "--array=1-3", f"--output={logs}/shard-%a.log", str(edited(cluster)), "shard"]
    assert {"--dependency=afterok:1", "--kill-on-invalid-dep=yes"} < set(film)
    assert film[-2:] == [str(edited(cluster)), "film"]
    assert Path(logs).is_dir(), "SLURM makes no folders, and jobs without a log fail in silence"
    assert "up to 3 machines can share it" in said
    assert "queued: 3 shards as job 1, then the film as job 2" in said


def test_the_job_file_queues_nothing_that_cannot_be_rendered(cluster: Cluster) -> None:
    cluster.run("bash", edited(cluster, config="flim.yaml"), code=2)
    cluster.add("sbatch", "#!/bin/sh\nexit 1\n")
    cluster.run("bash", edited(cluster), code=1)
    assert not cluster.calls


def test_what_the_job_file_asks_of_slurm() -> None:
    asked = dict(
        line.removeprefix("#SBATCH --").partition("=")[::2]
        for line in (FARM / "slurm.sh").read_text().splitlines()
        if line.startswith("#SBATCH")
    )
    assert re.fullmatch(r"B:USR1@\d{2,}", asked["signal"])
    assert {"requeue", "ntasks", "cpus-per-task", "time"} <= asked.keys()
    assert asked["open-mode"] == "append", "the logs of earlier turns stay"
    assert "array" not in asked


def test_tasks_of_an_array_make_the_film_of_one_process(cluster: Cluster, whole: dict[str, object]) -> None:
    script = edited(cluster)
    for number in (2, 1, 3):
        assert f"shard {number} of 3 is done (1 of 3 parts)" in cluster.run("bash", script, "shard", **task(number))
    cluster.run("bash", script, "film", SLURM_JOB_ID="80")
    assert results(cluster.folder / "film") == whole
    assert not cluster.calls


def test_a_task_whose_time_is_over_is_queued_again_and_goes_on(cluster: Cluster) -> None:
    script = edited(cluster)
    for sent in (signal.SIGUSR1, signal.SIGTERM):
        process, program = cluster.start("bash", script, "shard", **task(2))
        assert program != process.pid
        process.send_signal(sent)  # SLURM's B: sends it to the job file alone
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert cluster.calls == [["scontrol", "requeue", "70_2"]], "one that is canceled stays out of the queue"
    assert "shard 2 of 3 is done" in cluster.run("bash", script, "shard", **task(2))


def test_a_task_is_not_queued_forever(cluster: Cluster) -> None:
    process, _ = cluster.start("bash", edited(cluster), "shard", **task(2), SLURM_RESTART_COUNT="100")
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=60)
    assert (process.returncode, cluster.calls) == (130, [])


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (3, 0), (1, 1), (130, 130)])
def test_how_a_task_ends(cluster: Cluster, code: int, ends: int) -> None:
    cluster.add("neuron-atlas", f"#!/bin/sh\nexit {code}\n")
    cluster.run("bash", edited(cluster), "shard", code=ends, **task(1))
    cluster.run("bash", edited(cluster), "film", code=code, SLURM_JOB_ID="80")
    assert not cluster.calls, "nobody said that the time is over"


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="there is no shellcheck")
def test_the_job_file_is_good_shell() -> None:
    subprocess.run(["shellcheck", str(FARM / "slurm.sh")], check=True)


def loops() -> list[str]:
    """The shell loops of the page."""
    return [block for block in blocks(PAGE, "sh") if "--shard" in block]


@pytest.mark.parametrize("number", [0, 1])
def test_the_loops_of_the_page_make_the_film_of_one_process(
    cluster: Cluster, whole: dict[str, object], number: int
) -> None:
    cluster.run("sh", "-c", loops()[number], OMP_NUM_THREADS="2")
    assert results(cluster.folder / "film") == whole
    assert sorted(call[2] for call in cluster.calls) == (["anna", "bert", "carl"] if number == 0 else [])


@pytest.mark.parametrize(("codes", "pauses"), [((1, 137, 0), 2), ((1, 3), 1), ((2,), 0), ((130,), 0)])
def test_the_loop_that_tries_again(cluster: Cluster, codes: tuple[int, ...], pauses: int) -> None:
    (loop,) = loops()[2:]
    (cluster.folder / "codes").write_text("".join(f"{code}\n" for code in codes))
    cluster.add("neuron-atlas", "#!/bin/sh\nread -r code < codes\nsed -i 1d codes\nexit $code\n")
    cluster.add("sleep", "#!/bin/sh\necho slept\n")
    assert cluster.run("sh", "-c", loop).count("slept") == pauses
    assert not (cluster.folder / "codes").read_text()


def test_what_the_page_says_of_settings(capsys: pytest.CaptureFixture[str]) -> None:
    for block in blocks(PAGE, "yaml"):
        assert parse_settings(block, "many-machines.md")
    checks = [line for block in blocks(PAGE, "console") for line in block.splitlines() if " check imagenet" in line]
    said = []
    for line in checks:
        with pytest.raises(SystemExit):
            main(shlex.split(line)[1:])
        said += re.findall(r"up to \d+ machines can share it", capsys.readouterr().out)
    assert said == ["up to 3 machines can share it", "up to 16 machines can share it"]
    assert all(text.replace(" machines can share it", "") in PAGE.read_text() for text in said)


def test_the_files_are_named_where_a_reader_finds_them() -> None:
    shown = re.findall(r"neuron-atlas docs ([\w.]+) >", PAGE.read_text())
    assert sorted(shown) == sorted(path.name for path in FARM.iterdir())
    assert all(f"neuron-atlas docs {name} >" in (FARM / name).read_text() for name in shown)


COMPILE = """
const vm = require("vm"), fs = require("fs");
const tasks = [], job = {settings: JSON.parse(process.argv[2]), addTask: (task) => tasks.push(task)};
const author = {
  Task: (name, type) => ({name, type, commands: [], needs: [],
    addCommand(command) { this.commands.push(command); }, addDependency(task) { this.needs.push(task.name); }}),
  Command: (name, parameters) => ({name, parameters}),
};
const context = vm.createContext({author, print: () => {}, job});
const script = fs.readFileSync(process.argv[1], "utf8");
const type = vm.runInContext(`"use strict"; ${script}; compileJob(job); JOB_TYPE`, context);
console.log(JSON.stringify({type, tasks}));
"""
"""Does with a job type what Flamenco does."""


_SHARD = ["neuron-atlas", "render", "my film.yaml", "--output", "/my/film", "--shard"]
COMMANDS = [[*_SHARD, "1/3"], [*_SHARD, "2/3"], [*_SHARD, "3/3"], ["neuron-atlas", "assemble", "/my/film"]]
"""Those of the page, for a farm."""


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node.js")
def test_the_tasks_of_flamenco(cluster: Cluster) -> None:
    settings = {"config": "my film.yaml", "output": "/my/film", "shards": 3}
    done = cluster.run("node", "-e", COMPILE, FARM / "flamenco.js", json.dumps(settings))
    found = json.loads(done)
    assert {setting["key"] for setting in found["type"]["settings"]} >= settings.keys()
    tasks = found["tasks"]
    assert [task["needs"] for task in tasks] == [[], [], [], [task["name"] for task in tasks[:3]]]
    assert {task["type"] for task in tasks} == {"misc"}
    commands = [command for task in tasks for command in task["commands"]]
    assert {command["name"] for command in commands} == {"exec"}
    assert [[one["parameters"]["exe"], *one["parameters"]["args"]] for one in commands] == COMMANDS


OUTLINE = {
    "__init__": """
class Outline:
    def __init__(self, name, show, shot, user):
        self.layers = []
    def add_layer(self, layer):
        self.layers.append(layer)
""",
    "cuerun": """
from xml.sax.saxutils import escape
class OutlineLauncher:
    def __init__(self, outline):
        self.layers = outline.layers
    def serialize(self, use_pycuerun):
        assert not use_pycuerun
        text = "".join(f"<layer name='{one.name}'><cmd>{escape(one.given['command'])}</cmd><range>{one.given['range']}"
                       f"</range></layer>" for one in self.layers)
        depends = "".join(f"<depend type='LAYER_ON_LAYER'><deplayer>{one.name}</deplayer><onlayer>{needed.name}"
                          f"</onlayer></depend>" for one in self.layers for needed in one.needs)
        return f"<spec>{text}{depends}</spec>"
""",
    "modules/__init__": "",
    "modules/shell": """
class Shell:
    def __init__(self, name, command, range, chunk, **given):
        self.name, self.given, self.needs = name, {"command": command, "range": range}, []
    def depend_all(self, layer):
        self.needs.append(layer)
    def set_env(self, key, value):
        assert isinstance(value, str)
""",
}
"""What a job for OpenCue uses of pyoutline, which brings more than these tests should need."""


def test_the_frames_of_opencue(cluster: Cluster) -> None:
    for name, text in OUTLINE.items():
        path = cluster.folder / "outline" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    job = [sys.executable, FARM / "opencue_job.py", "my film.yaml", "/my/film", "--shards", "3", "--print"]
    spec = Xml.fromstring(cluster.run(*job, PYTHONPATH=str(cluster.folder)))  # noqa: S314
    depends = [(one.get("type"), one.findtext("deplayer"), one.findtext("onlayer")) for one in spec.iter("depend")]
    assert depends == [("LAYER_ON_LAYER", "film", "shards")]
    frames = [(layer.findtext("cmd", ""), layer.findtext("range", "")) for layer in spec.iter("layer")]
    assert [range_ for _, range_ in frames] == ["1-3", "1-1"]
    numbers = [(command, number) for command, range_ in frames for number in range(1, int(range_[2:]) + 1)]
    assert [shlex.split(command.replace("#IFRAME#", str(number))) for command, number in numbers] == COMMANDS
