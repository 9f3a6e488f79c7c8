# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""bag_player: plays a bag onto DDS in real time."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from vit_perception.bags.reader import BagError
from vit_perception.ros.environment import set_image_transport, start_failure
from vit_perception.ros.playing.pace import FASTEST, RATES, SLOWEST
from vit_perception.ros.playing.player import BagPlayer
from vit_perception.wording import shown


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, found {shown(text)}") from None
    if not SLOWEST <= value <= FASTEST:
        raise argparse.ArgumentTypeError(f"expected {RATES}, found {shown(text)}")
    return value


def _play_until_told(player: BagPlayer, *, loop: bool) -> None:
    """Plays on a thread of its own, where no signal lands in the middle of a message."""
    stop = threading.Event()

    def play() -> None:
        player.play(stop)
        while loop and not stop.is_set():
            player.play(stop)

    with ThreadPoolExecutor(1) as pool:
        try:
            pool.submit(play).result()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            stop.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays a bag from the command line."""
    given = list(sys.argv if arguments is None else arguments)
    parser = argparse.ArgumentParser(description="Play a bag onto DDS in real time.")
    parser.add_argument("bag", type=Path)
    parser.add_argument(
        "--rate", type=_rate, default=1.0, help=f"2 plays twice as fast, {RATES} (1)"
    )
    parser.add_argument("--loop", action="store_true", help="again and again")
    parser.add_argument("--transport", choices=("raw", "compressed"), default="raw")
    parser.add_argument("--keep-stamps", action="store_true", help="do not shift stamps to now")
    args = parser.parse_args(remove_ros_args(given)[1:])
    set_image_transport()
    # With rclpy's own handler a publisher would fail in the middle of a message.
    try:
        rclpy.init(args=given, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy's own share no base class
        print(f"bag_player: {start_failure(error)}", file=sys.stderr)
        return 2
    # SIGINT too: a shell starts what runs in its background with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        node = Node("bag_player")
        player = BagPlayer(
            node,
            args.bag,
            rate=args.rate,
            transport=args.transport,
            restamp=not args.keep_stamps,
        )
        _play_until_told(player, loop=args.loop)
    except KeyboardInterrupt:
        return 130
    except BagError as error:
        print(f"bag_player: {error}", file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
