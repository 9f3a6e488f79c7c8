# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("vision_msgs")

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2DArray

from vit_perception.bags.depth import FORMAT, decode_depth, encode_depth
from vit_perception.bags.messages import COMPRESSED_IMAGE, make, make_header
from vit_perception.bags.reader import BagReader
from vit_perception.bags.writer import BagWriter
from vit_perception.bundle.samples import (
    COMPRESSED_TOPIC,
    DEPTH_TOPIC,
    GROUND_TRUTH_TOPIC,
    IMAGE_TOPIC,
)
from vit_perception.ros.playing.bag_player import main
from vit_perception.ros.playing.player import BagPlayer

from ...bags.squares import FRAME_ID, START, record_squares
from ..domain import own_domain

pytestmark = pytest.mark.ros

PATIENCE = 60.0
COUNT = 5


# Best effort may lose images on a machine under load; users change it in the same way.
RELIABLE_IMAGES = [
    Parameter(f"qos_overrides.{topic}.publisher.{policy}", value=value)
    for topic in (IMAGE_TOPIC, COMPRESSED_TOPIC, DEPTH_TOPIC, "/other")
    for policy, value in (("reliability", "reliable"), ("depth", 10))
]


class Ears:
    """A node that plays and listens in a domain of its own, spun in another thread."""

    def __init__(self, domain: int) -> None:
        self.domain = domain
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node("ears", context=self.context, parameter_overrides=RELIABLE_IMAGES)
        self.heard: dict[str, list[Any]] = {}
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def listen(self, kind: type, topic: str, qos: QoSProfile | int = 10) -> list[Any]:
        heard = self.heard.setdefault(topic, [])
        self.node.create_subscription(kind, topic, heard.append, qos)
        return heard

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._executor.shutdown()
        rclpy.try_shutdown(context=self.context)

    def _spin(self) -> None:
        while not self._stop.is_set():
            self._executor.spin_once(timeout_sec=0.05)


@pytest.fixture
def ears() -> Iterator[Ears]:
    with own_domain() as domain:
        ears = Ears(domain)
        yield ears
        ears.close()


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.01)


def stamp_of(message: Any) -> int:
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)


def test_images_leave_raw_with_all_stamps_shifted_alike(ears: Ears, tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=COUNT, period=50_000_000)
    player = BagPlayer(ears.node, bag)
    images = ears.listen(Image, IMAGE_TOPIC)
    truth = ears.listen(Detection2DArray, GROUND_TRUTH_TOPIC)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    wait(lambda: player.has_subscriber(IMAGE_TOPIC) and player.has_subscriber(GROUND_TRUTH_TOPIC))
    player.play()
    wait(lambda: len(images) == COUNT and len(truth) == COUNT)
    transforms = ears.listen(TFMessage, "/tf_static", latched)
    wait(lambda: len(transforms) == 1)
    assert player.published[IMAGE_TOPIC] == COUNT
    with BagReader(bag) as reader:
        frames = [frame for _, frame in reader.frames()]
    for index, (message, frame) in enumerate(zip(images, frames, strict=True)):
        assert message.encoding == "rgb8"
        assert message.header.frame_id == FRAME_ID
        assert stamp_of(message) - player.shift == START + index * 50_000_000
        assert stamp_of(truth[index]) == stamp_of(message)
        assert stamp_of(truth[index].detections[0]) == stamp_of(message)
        pixels = np.frombuffer(message.data, np.uint8).reshape(
            message.height, message.step // 3, 3
        )
        np.testing.assert_array_equal(pixels, frame.image)
    assert abs(time.time_ns() - stamp_of(images[-1])) < 60_000_000_000
    assert stamp_of(transforms[0].transforms[0]) == START + player.shift


def test_compressed_images_and_stamps_are_left_when_asked_for(ears: Ears, tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=COUNT, period=20_000_000)
    player = BagPlayer(ears.node, bag, transport="compressed", restamp=False)
    images = ears.listen(CompressedImage, COMPRESSED_TOPIC)
    wait(lambda: player.has_subscriber(COMPRESSED_TOPIC))
    player.play()
    wait(lambda: len(images) == COUNT)
    with BagReader(bag) as reader:
        originals = [message.value for message in reader.messages([COMPRESSED_TOPIC])]
    for message, original in zip(images, originals, strict=True):
        assert bytes(message.data) == original.data.tobytes()
        assert stamp_of(message) == stamp_of(original)


def test_depth_is_unpacked_and_broken_images_are_left_out(ears: Ears, tmp_path: Path) -> None:
    topic = DEPTH_TOPIC
    depth = np.arange(60 * 80, dtype=np.uint16).reshape(60, 80)
    packed = [encode_depth(depth), b"", encode_depth(depth)]
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic(f"{topic}/compressedDepth", COMPRESSED_IMAGE)
        for index, data in enumerate(packed):
            message = make(
                COMPRESSED_IMAGE,
                header=make_header(START + index, FRAME_ID),
                format=FORMAT,
                data=np.frombuffer(data, np.uint8),
            )
            bag.write(f"{topic}/compressedDepth", START + index, message)
    player = BagPlayer(ears.node, tmp_path / "bag")
    images = ears.listen(Image, topic)
    wait(lambda: player.has_subscriber(topic))
    player.play()
    wait(lambda: len(images) == 2)
    for message in images:
        assert (message.encoding, message.step) == ("16UC1", 160)
        pixels = np.frombuffer(message.data, np.uint16).reshape(60, 80)
        np.testing.assert_array_equal(pixels, depth)
    np.testing.assert_array_equal(decode_depth(np.frombuffer(packed[0], np.uint8), FORMAT), depth)


def test_images_that_nobody_wants_are_not_sent(ears: Ears, tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=2, period=10_000_000)
    player = BagPlayer(ears.node, bag)
    player.play()
    assert player.published[IMAGE_TOPIC] == 0
    assert player.published[GROUND_TRUTH_TOPIC] == 2


def test_one_topic_leaves_as_recorded_under_another_name(ears: Ears, tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=COUNT, period=20_000_000)
    sent: list[tuple[int, float]] = []
    player = BagPlayer(
        ears.node,
        bag,
        rate=2.0,
        lag=-7_000_000_000,
        only={COMPRESSED_TOPIC: "/other"},
        sent=lambda message, moment: sent.append((stamp_of(message.value), moment)),
    )
    images = ears.listen(CompressedImage, "/other", QoSProfile(depth=COUNT))
    wait(lambda: player.has_subscriber("/other"))
    assert player.pace is None
    begin = time.monotonic()
    player.play()
    wait(lambda: len(images) == COUNT)
    assert player.published == {"/other": COUNT}
    assert [stamp_of(image) for image in images] == [stamp for stamp, _ in sent]
    assert images[0].format == "jpeg"
    assert stamp_of(images[0]) == START + player.shift
    assert abs(time.time_ns() - 7_000_000_000 - stamp_of(images[-1])) < 5_000_000_000
    assert player.pace is not None
    assert player.pace.moment(START) == player.pace.started
    assert player.pace.moment(START + 20_000_000) == pytest.approx(player.pace.started + 0.01)
    moments = [moment for _, moment in sent]
    assert moments == sorted(moments)
    assert all(begin <= moment <= time.monotonic() for moment in moments)
    assert all(
        moment >= player.pace.moment(START + index * 20_000_000) - 1e-3
        for index, moment in enumerate(moments)
    )


def test_a_message_that_cannot_be_read_is_left_out(ears: Ears, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    picture = make(
        COMPRESSED_IMAGE,
        header=make_header(START, FRAME_ID),
        format="jpeg",
        data=np.zeros(3, np.uint8),
    )
    with BagWriter(bag) as writer:
        writer.add_topic(COMPRESSED_TOPIC, COMPRESSED_IMAGE)
        writer.write_cdr(COMPRESSED_TOPIC, START, b"")
        writer.write(COMPRESSED_TOPIC, START + 1, picture)
    player = BagPlayer(ears.node, bag, transport="compressed")
    images = ears.listen(CompressedImage, COMPRESSED_TOPIC)
    wait(lambda: player.has_subscriber(COMPRESSED_TOPIC))
    player.play()
    wait(lambda: len(images) == 1)
    assert bytes(images[0].data) == bytes(3)


def test_stop_ends_a_long_bag(ears: Ears, tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=2, period=3_600_000_000_000)
    player = BagPlayer(ears.node, bag)
    stop = threading.Event()
    thread = threading.Thread(target=player.play, args=(stop,))
    thread.start()
    wait(lambda: player.published[GROUND_TRUTH_TOPIC] == 1)
    stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert player.published[GROUND_TRUTH_TOPIC] == 1


def test_the_program_refuses_what_is_no_bag_in_one_line(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-m", "vit_perception.ros.playing.bag_player", str(tmp_path)]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"bag_player: {tmp_path}: expected a bag")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_ends_without_a_word_when_told_to(
    ears: Ears, tmp_path: Path, number: signal.Signals
) -> None:
    bag = record_squares(tmp_path / "bag", count=20, period=1_000_000)
    heard = ears.listen(Detection2DArray, GROUND_TRUTH_TOPIC)
    # As a shell starts what runs in its background.
    command = ["env", "--ignore-signal=INT", sys.executable]
    command += ["-m", "vit_perception.ros.playing.bag_player", str(bag), "--loop"]
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(ears.domain)}
    process = subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait(lambda: heard)
    process.send_signal(number)
    assert process.communicate(timeout=PATIENCE) == (b"", b"")
    assert process.returncode == 130


def test_images_leave_best_effort_unless_told_otherwise(tmp_path: Path) -> None:
    context = Context()
    rclpy.init(context=context)  # nothing is sent
    try:
        node = Node("plain", context=context)
        BagPlayer(node, record_squares(tmp_path / "bag", count=1))
        (image,) = node.get_publishers_info_by_topic(IMAGE_TOPIC)
        (truth,) = node.get_publishers_info_by_topic(GROUND_TRUTH_TOPIC)
        assert image.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
        assert truth.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    finally:
        rclpy.try_shutdown(context=context)


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "1e-300", "1e300", "fast"])
def test_a_rate_at_which_nothing_can_be_played_is_refused(
    rate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bag_player", str(tmp_path), "--rate", rate])
    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    expected = "a number" if rate == "fast" else "0.001 to 1000"
    assert last.endswith(f": error: argument --rate: expected {expected}, found '{rate}'")
