"""A job for OpenCue: one film, computed by many hosts.

    neuron-atlas docs opencue_job.py > opencue_job.py
    pip install opencue-pyoutline packaging
    CUEBOT_HOSTS=my-cuebot python opencue_job.py configs/imagenet.yaml /shared/imagenet --shards 16

A frame of the layer `shards` computes a share of the film; the layer `film` makes film and page when all are done. A
frame that was ended in the middle goes on where it was when it is retried, on whichever host. With --print the job is
only shown. `neuron-atlas docs many-machines` tells more.
"""

import argparse
import getpass
import shlex
import sys

import outline
import outline.cuerun
from outline.modules.shell import Shell


def main() -> None:
    """Make the job, and launch or show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path of a YAML file that all hosts see, or the name of a shipped configuration")
    parser.add_argument("output", help="the film's directory, which all hosts see")
    parser.add_argument("--shards", type=int, default=4, help="how many frames share the film")
    parser.add_argument("--cores", type=int, default=8, help="of each frame; a run keeps its number of threads")
    parser.add_argument("--gpus", type=int, default=0, help="of each frame")
    parser.add_argument("--program", default="neuron-atlas", help="the program on the hosts")
    parser.add_argument("--show", default="testing", help="the show that it belongs to")
    parser.add_argument("--shot", default="neuron-atlas", help="its shot")
    parser.add_argument("--print", action="store_true", help="show the job's description, and launch nothing")
    options = parser.parse_args()
    launcher = outline.cuerun.OutlineLauncher(_job(options))
    # Without pycuerun the hosts need nothing of pyoutline; OpenCue puts a frame's number for #IFRAME#.
    if options.print:
        sys.stdout.write(launcher.serialize(use_pycuerun=False))
    else:
        launcher.launch(use_pycuerun=False)


def _job(options: argparse.Namespace) -> outline.Outline:
    job = outline.Outline("neuron-atlas", show=options.show, shot=options.shot, user=getpass.getuser())
    needs = {"cores": options.cores, "threadable": True} | ({"gpus": options.gpus} if options.gpus else {})
    shard = ["render", options.config, "--output", options.output, "--shard", f"#IFRAME#/{options.shards}"]
    shards = _layer("shards", [options.program, *shard], range=f"1-{options.shards}", **needs)
    shards.set_env("OMP_NUM_THREADS", str(options.cores))  # a host may give a frame more
    film = _layer("film", [options.program, "assemble", options.output], range="1-1", cores=1)
    film.depend_all(shards)
    job.add_layer(shards)
    job.add_layer(film)
    return job


def _layer(name: str, command: list[str], **arguments: object) -> Shell:
    return Shell(name, command=shlex.join(command), chunk=1, **arguments)  # for hosts give it to a shell


if __name__ == "__main__":
    main()
