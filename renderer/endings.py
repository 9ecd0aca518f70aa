"""What is said when a command does not end well: errors, and interruption. Loads next to nothing."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Sequence

from renderer.common.errors import ClusterError, UserError
from renderer.common.exhaustion import is_out_of_memory


def describe_error(error: Exception, given: Sequence[str]) -> str:
    """What is said when a command fails; `given` are its arguments."""
    from renderer.common.ffmpeg import EncodingError  # noqa: PLC0415  an interruption needs none of what this loads

    match error:
        case UserError():
            return f"Error: {error}"
        case OSError(errno=errno.ENOSPC):
            return f"Error: the disk is full ({error}); make room. {_how_to_go_on(given)}"
        case EncodingError() | ClusterError():
            return f"Error: {error}\n{_how_to_go_on(given)}"
        case OSError():
            return f"Error: {_in_words(error)}"
        case _ if is_out_of_memory(error):
            said = (str(error) or "the computer is out of memory").splitlines()[0]
            return (
                f"Error: {said}\nLower run.batch, dream.transforms.views or the film's size; "
                "where a part is finished already, that needs --restart, or another directory with --output"
            )
        case _:
            return f"Error: {type(error).__name__}: {error}\nMore is to be seen with --debug"


def _in_words(error: OSError) -> str:
    """What the system refuses, without its number."""
    match error:
        case OSError(filename=str(name), strerror=str(reason)):
            return f"{name}: {reason.lower()}; see that it is there, and that you may read and write there"
        case _:
            return str(error)


def describe_interruption(given: Sequence[str]) -> str:
    """What is said when a command is interrupted; `given` are its arguments."""
    goes_on = bool(given) and given[0] in {"render", "stills"}
    return f"\nInterrupted. {_how_to_go_on(given)}" if goes_on else "\nInterrupted."


def _how_to_go_on(given: Sequence[str]) -> str:
    """Comfort, with the command line that goes on: the same, only that it must not begin anew."""
    command = shlex.join(["neuron-atlas", *(argument for argument in given if argument != "--restart")])
    return f"What is finished is kept, and most of what was under way (run.lose_at_most); go on with\n  {command}"
