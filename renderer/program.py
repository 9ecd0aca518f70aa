"""Where the program begins: signals are answered before anything else is loaded, for loading takes a while."""

from __future__ import annotations

import os
import sys

try:
    from renderer.common import interruption, tuning
except KeyboardInterrupt:  # as Python answers until then
    os.write(2, b"\nInterrupted.\n")
    os._exit(130)

TYPE_CHECKING = False  # as type checkers know it; the module that has it loads slowly
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process; ends the process with its exit code."""
    interruption.install()
    interruption.stay_silent()
    tuning.prepare()
    from renderer.cli import main as run  # noqa: PLC0415  an interruption has to be answered by now

    try:
        run()
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    interruption.finish(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
