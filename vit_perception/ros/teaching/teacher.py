# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The thread on which a node learns: the network takes its time, and the executor has none."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.node import Node

from vit_perception.engine.calls import within
from vit_perception.examples import Examples, ExamplesError
from vit_perception.frame import Frame
from vit_perception.images.raw import ImageError
from vit_perception.names import VocabularyError
from vit_perception.parameters.detector import DetectorParameters
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.ros import messages
from vit_perception.ros.background import too_late
from vit_perception.ros.configuration import Configurator
from vit_perception.ros.health.fault_log import FaultLog
from vit_perception.ros.teaching.account import (
    BUSY,
    ERROR,
    IMAGE,
    INACTIVE,
    MESSAGE,
    UNSEEN,
    Refused,
    TeachAccount,
)
from vit_perception.ros.teaching.orders import Order
from vit_perception.ros.teaching.pictures import MOST_BYTES
from vit_perception.wording import one_line, shown

MOST_WAITING = 256
"""Orders; more are refused."""

Answer = Callable[[bool, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Save:
    """Writes what was taught before to `taught_file`; called with success and one line."""

    answer: Answer


class Teacher:
    """Does orders one after the other, each whole or not at all.

    Args:
        node: whose log hears of what was done.
        account: of the orders.
        faults: hears of refusals.
    """

    def __init__(self, node: Node, account: TeachAccount, faults: FaultLog) -> None:
        self._logger = node.get_logger()
        self._account = account
        self._faults = faults
        self._lock = threading.Lock()
        self._waiting: deque[Order | Save] = deque()
        self._configurator: Configurator | None = None
        # Counts what was called off; what began before changes nothing when it is done.
        self._era = 0
        self._runs = False

    def begin(self, configurator: Configurator) -> None:
        """Takes orders from now on."""
        with self._lock:
            self._configurator = configurator

    def end(self) -> None:
        """Refuses what waits; nothing changes any more once this has returned."""
        with self._lock:
            self._era += 1
            self._configurator = None
            waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            self._refuse(each, _gone())

    def check(self) -> None:
        """Refuses orders that nobody would do.

        Raises:
            Refused: the node is not configured.
        """
        if self._configurator is None:
            raise Refused(INACTIVE, "expected a configured node, found one that is not")

    def ask(self, wanted: Order | Save) -> None:
        """Leaves an order for the thread.

        Raises:
            Refused: the node is not configured, or too many wait.
        """
        with self._lock:
            self.check()
            waiting = len(self._waiting)
            if waiting >= MOST_WAITING or (waiting and self._bytes_with(wanted) > MOST_BYTES):
                raise Refused(
                    BUSY,
                    f"expected at most {MOST_WAITING} orders that wait, with images of "
                    f"{MOST_BYTES} bytes, found one more",
                )
            self._waiting.append(wanted)
            if self._runs:
                return
            self._runs = True
        threading.Thread(target=self._run, name="teacher", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                configurator, era = self._configurator, self._era
                if not self._waiting or configurator is None:
                    self._runs = False
                    return
                wanted = self._waiting.popleft()
            try:
                if isinstance(wanted, Save):
                    wanted.answer(True, configurator.save_taught())
                else:
                    self._teach(configurator, wanted, era)
            except Refused as refused:
                self._refuse(wanted, refused)
            except Exception as error:
                self._refuse(wanted, Refused(ERROR, one_line(error)))
            # Nothing of an image is kept while there is nothing to do.
            del wanted, configurator

    def _teach(self, configurator: Configurator, order: Order, era: int) -> None:
        seconds = configurator.current.parameters.configure_timeout
        examples = within(
            seconds,
            partial(_examples_after, order, configurator),
            late=too_late(seconds, "configure_timeout"),
            name="teach",
            watch=partial(self._stay, era),
        )
        with self._lock:
            self._stay(era)
            try:
                version = configurator.adopt_examples(examples)
            except VocabularyError as error:
                raise Refused(MESSAGE, str(error)) from None
        self._account.done()
        camera = f"{order.camera.name}: " if order.camera.name else ""
        said = ", ".join(_outcome(name, examples) for name in _names(order))
        self._logger.info(f"{camera}{said}; version {version} of the vocabulary")

    def _stay(self, era: int) -> None:
        if era != self._era:
            raise _gone()

    def _refuse(self, wanted: Order | Save, refused: Refused) -> None:
        if isinstance(wanted, Save):
            wanted.answer(False, refused.line)
            return
        tell(self._account, self._faults, refused, wanted.camera.name)

    def _bytes_with(self, wanted: Order | Save) -> int:
        """Returns the bytes of the images that are held up, each counted once."""
        orders = [each for each in (*self._waiting, wanted) if isinstance(each, Order)]
        pictures = {id(each.picture): each.picture for each in orders}
        return sum(map(_size, pictures.values()))


def _gone() -> Refused:
    return Refused(INACTIVE, "expected a configured node, found one that was cleaned up meanwhile")


def tell(account: TeachAccount, faults: FaultLog, refused: Refused, camera: str) -> None:
    """Counts and logs an order that changes nothing."""
    line = f"not taught: {refused.line}"
    account.refused(refused.cause, f"{camera}: {line}" if camera else line)
    faults.warn(f"teach.{refused.cause}", line, camera)


def _examples_after(order: Order, configurator: Configurator) -> Examples:
    """Returns what was shown once an order is done; nothing changes.

    Raises:
        Refused: it cannot be done.
        PerceiverError, SessionError, RegionError: as `Perceiver.rows`.
    """
    now, examples = configurator.current, configurator.examples
    frame = rows = None
    if order.picture is not None:
        frame = _frame(order, now.parameters)
        _, rows = now.perceiver.rows(frame, now.query)
    for lesson in order.lessons:
        if lesson.box is None:
            try:
                examples = examples.without(lesson.name)
            except ExamplesError as error:
                raise Refused(UNSEEN, str(error)) from None
            continue
        assert frame is not None  # of every order with a box
        try:
            example = now.perceiver.example(
                frame, lesson.box, lesson.name, negative=lesson.negative, rows=rows
            )
        except PerceiverError as error:
            raise Refused(UNSEEN, str(error)) from None
        try:
            examples = examples.adding([example])
        except ExamplesError as error:
            raise Refused(MESSAGE, str(error)) from None
    return examples


def _frame(order: Order, parameters: DetectorParameters) -> Frame:
    picture = order.picture
    if isinstance(picture, Frame):
        return picture
    try:
        return messages.frame_of(
            picture,
            messages.stamp_nanoseconds(picture.header),
            max_pixels=parameters.max_image_pixels,
            bits=partial(order.camera.bits.measured, fixed=parameters.image_bits),
        )
    except ImageError as error:
        raise Refused(IMAGE, str(error)) from None


def _names(order: Order) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lesson.name for lesson in order.lessons))


def _outcome(name: str, examples: Examples) -> str:
    known = [each.negative for each in examples.shown if each.name == name]
    if not known:
        return f"{shown(name)} forgotten"
    against = f" and {sum(known)} negative" if any(known) else ""
    return f"{shown(name)} taught: {len(known) - sum(known)} examples{against}"


def _size(picture: Any) -> int:
    if picture is None:
        return 0
    return picture.image.nbytes if isinstance(picture, Frame) else len(picture.data)
