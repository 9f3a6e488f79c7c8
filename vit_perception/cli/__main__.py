# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Entry point of `vit-perception` and `python -m vit_perception.cli`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

from vit_perception.cli import (
    benchmark,
    compare,
    demo,
    detect,
    evaluate,
    export,
    import_,
    info,
    label,
    quantize,
    reparameterize,
    replay,
    scenes,
    teach,
    train,
    tune,
    vocabulary,
)
from vit_perception.cli.streams import (
    NO_PLACE,
    abandon_output,
    flush_output,
    occupy_closed_streams,
    show_any_text,
)
from vit_perception.processes.signals import SIGNALLED, raising_terminated, status_of
from vit_perception.processes.watchdog import ending_when_stuck
from vit_perception.wording import one_line, printable, shown_path

COMMANDS: tuple[Any, ...] = (
    demo,
    detect,
    teach,
    replay,
    evaluate,
    tune,
    compare,
    label,
    benchmark,
    vocabulary,
    info,
    scenes,
    train,
    export,
    import_,
    quantize,
    reparameterize,
)
PROGRAM = "vit-perception"
USER_ERROR = 2

HINTS = {
    "torch": "needs PyTorch: see 'Workshop' in the README",
    "transformers": "needs transformers: see 'Workshop' in the README",
    "onnx": "needs the onnx package: pip install onnx",
    "mujoco": "needs MuJoCo: pip install mujoco",
    "timm": "needs timm: pip install timm torchvision",
    "rclpy": "needs ROS 2: source its setup file, or run 'make setup' in the checkout",
    "vision_msgs": "needs vision_msgs: apt install ros-$ROS_DISTRO-vision-msgs, or 'make setup'",
    "matplotlib": "needs matplotlib: pip install matplotlib",
    "hotcoco": "needs hotcoco: pip install 'vit_perception[evaluate]'",
    "jinja2": "needs jinja2: pip install 'vit_perception[evaluate]'",
    "optuna": "needs optuna: pip install 'vit_perception[evaluate]'",
    "threadpoolctl": "needs threadpoolctl: pip install 'vit_perception[evaluate]'",
    "defusedxml": "needs defusedxml: pip install 'vit_perception[evaluate]'",
    "ray": "needs ray: pip install 'vit_perception[fleet]'",
}
"""What to install for a module that only some commands need."""
_NO_MEMORY = ("std::bad_alloc", "Insufficient memory", "can't allocate memory")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand and returns the exit status.

    0: done. 2: the input or the options cannot be used, or the output cannot be written; one line
    on stderr says why. 130: interrupted; 143 or 129: by SIGTERM or SIGHUP.
    """
    occupy_closed_streams()
    show_any_text()
    try:
        status = _run(arguments)
    except SystemExit:  # of argparse, which has printed
        if _output_fails(PROGRAM):
            return USER_ERROR
        raise
    return USER_ERROR if _output_fails(PROGRAM) and status == 0 else status


def program() -> NoReturn:
    """Runs `main` as a process, which ends with its status."""
    status = main()
    if status > SIGNALLED:
        # Who has interrupted does not wait until every library is taken down; torch takes seconds.
        flush_output()
        os._exit(status)
    sys.exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    told = PROGRAM
    try:
        args = build_parser().parse_args(arguments)
        told = f"{PROGRAM} {args.command}"
        with raising_terminated(), ending_when_stuck(f"{told}: interrupted"):
            return int(args.run(args))
    except KeyboardInterrupt as error:
        print(f"{told}: interrupted", file=sys.stderr)
        return status_of(error)
    except BrokenPipeError:
        abandon_output()
        return 0
    except Exception as error:
        line = _user_error(error)
        if line is None:
            raise
        print(f"{told}: {line}", file=sys.stderr)
        return USER_ERROR


def _output_fails(program: str) -> bool:
    """Writes out what was printed; says in one line if that fails."""
    line = flush_output()
    if line:
        print(f"{program}: {line}", file=sys.stderr)
    return bool(line)


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser with all subcommands."""
    parser = _Parser(
        prog=PROGRAM,
        description="Open-vocabulary object detection for robots: name things, get boxes.",
        epilog=f"'{PROGRAM} COMMAND --help' shows options and an example.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {_version()}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.NAME,
            help=command.HELP,
            description=command.HELP[:1].upper() + command.HELP[1:] + ".",
            epilog=getattr(command, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the options without the control characters they may have."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _user_error(error: Exception) -> str | None:
    """Returns one line for an error that the user can mend; None for a bug of the program."""
    if type(error).__module__.partition(".")[0] == "vit_perception":
        return printable(str(error))
    if isinstance(error, ModuleNotFoundError) and error.name in HINTS:
        return HINTS[error.name]
    if isinstance(error, OSError) and isinstance(error.filename, (str, bytes)):
        return f"{shown_path(os.fsdecode(error.filename))}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in NO_PLACE:
        abandon_output()
        return f"standard output or a temporary file: expected to write, found {error.strerror}"
    if isinstance(error, FileNotFoundError) and not _has_current_folder():
        return "current folder: expected one to begin paths in, found that it was deleted"
    # OpenCV has a class of error for everything.
    if isinstance(error, MemoryError) or any(each in str(error) for each in _NO_MEMORY):
        return f"memory: expected enough for this, found none left ({one_line(error, 100)})"
    return None


def _has_current_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _version() -> str:
    try:
        return version("vit_perception")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    program()
