# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the reader's process does: tensors come back, and names in a file do nothing."""

from __future__ import annotations

import collections
import datetime
import functools
import pickle
import resource
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from vit_perception.models import checkpoint_reader  # noqa: E402
from vit_perception.models.checkpoint_reader import RefusedError, load_inertly  # noqa: E402

from ..fuzzed_bytes import changed, changes, fuzz  # noqa: E402
from .checkpoint_archives import (  # noqa: E402
    STORAGE,
    assert_equal,
    pickled,
    stored,
    tensor,
    weights,
    write_archive,
)
from .hostile_pickles import DAMAGED, Calls, hostile_pickles, nothing_happens, text  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module", autouse=True)
def loaded_before(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What torch imports when it loads its first file."""
    path = tmp_path_factory.mktemp("before") / "a.pth"
    torch.save(weights(), path)
    load_inertly(path)


class HistoryBuffer:
    """As mmengine's: the file names a class that is not there when it is read."""

    def __init__(self) -> None:
        self._log_history = np.arange(50.0)
        self._statistics_methods = {"mean": np.mean, "own": HistoryBuffer.__init__}


class ConfigDict(dict[str, object]):
    """As mmengine's: a dict with attributes."""

    def __init__(self) -> None:
        super().__init__(type="DOSOD", sizes=(640, 640))
        self.loose = 1


def refusal(path: Path) -> str:
    with nothing_happens(), pytest.raises(RefusedError) as caught:
        load_inertly(path)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 600
    return message


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_tensors_come_back(tmp_path: Path, protocol: int, nested: bool) -> None:
    state = collections.OrderedDict(weights())
    state._metadata = {"": {"version": 1}}  # type: ignore[attr-defined]
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": state} if nested else state, path, pickle_protocol=protocol)
    with nothing_happens():
        found = load_inertly(path)
    assert_equal(found, weights())


def test_shared_storages_are_separate(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    path = tmp_path / "a.pth"
    torch.save({"a": whole, "b": whole, "c": whole[2:]}, path)
    found = load_inertly(path)
    found["a"].zero_()
    assert found["b"].tolist() == whole.tolist()
    assert found["c"].tolist() == whole[2:].tolist()


def test_what_a_training_leaves_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("mmengine")
    monkeypatch.setitem(sys.modules, "mmengine", module)
    for kind in (HistoryBuffer, ConfigDict):
        monkeypatch.setattr(kind, "__module__", "mmengine")
        setattr(module, kind.__name__, kind)
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    content = {
        "meta": {"epoch": np.int64(100), "seed": np.float64(0.5), "config": ConfigDict()},
        "state_dict": weights(),
        "ema_state_dict": weights(),
        "message_hub": {"log_scalars": {"train/loss": HistoryBuffer()}},
        "optimizer": optimizer.state_dict(),
        "scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, functools.partial(pow, 0.9)),
        "param_schedulers": [{"lr": np.arange(3), "steps": {1, 2}, "kept": frozenset("ab")}],
        "counts": collections.defaultdict(int, a=1),
        "objects": np.array([{}, None], dtype=object),
        "made": [datetime.datetime(2026, 1, 2), Path("a"), Calls(print, "no"), 2**70, b"bytes"],
    }
    path = tmp_path / "epoch_100.pth"
    torch.save(content, path)
    monkeypatch.delitem(sys.modules, "mmengine")
    with nothing_happens():
        found = load_inertly(path)
    assert_equal(found, weights())


def test_big_endian_storages_are_read(tmp_path: Path) -> None:
    data = pickled({"w": tensor(STORAGE, 0, (6,), (1,))})
    members = {"byteorder": b"big", "data/0": struct.pack(">6f", *range(6))}
    found = load_inertly(write_archive(tmp_path / "a.pth", data, **members))
    assert found["w"].tolist() == list(range(6))


@pytest.mark.parametrize("name", hostile_pickles("x"))
def test_hostile_leftovers_do_nothing(name: str, tmp_path: Path) -> None:
    """Beside a state dict: mark, key and value are put around the pickle."""
    touched = tmp_path / "touched"
    hostile = hostile_pickles(str(touched))[name]
    hostile = hostile[2:] if hostile[:1] == b"\x80" else hostile
    state = pickled({"w": tensor(STORAGE, 0, (6,), (1,))})[2:-1]
    data = b"\x80\x02}(" + text(b"state_dict") + state + text(b"hub") + hostile[:-1] + b"u."
    path = write_archive(tmp_path / "a.pth", data)
    with nothing_happens():
        try:
            assert list(load_inertly(path)) == ["w"]
        except RefusedError as error:
            assert str(error).startswith("expected a checkpoint of torch.save, found one that t")
    assert not touched.exists()


@pytest.mark.parametrize("name", hostile_pickles("x"))
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    assert refusal(write_archive(tmp_path / "a.pth", hostile_pickles(str(touched))[name]))
    assert not touched.exists()


def test_these_pickles_are_hostile(tmp_path: Path) -> None:
    """What the tests above mean: Python's own unpickler runs them, and the watch sees it."""
    for name, seen in (("os.system", r"os\.system"), ("a command", r"subprocess\.Popen")):
        touched = tmp_path / name.replace(" ", "_")
        with pytest.raises(AssertionError, match=seen), nothing_happens():
            pickle.loads(hostile_pickles(str(touched))[name])
        assert touched.exists()


def test_only_torchs_own_names_are_called(tmp_path: Path) -> None:
    kinds = "state of a name", "a call of a call", "os.system", "a new object"
    found = []
    for name in kinds:
        path = write_archive(tmp_path / "a.pth", hostile_pickles("x")[name])
        found.append(refusal(path))
    assert "Can only build Tensor, Parameter, OrderedDict" in found[0]
    assert "Trying to call reduce for unrecognized function" in found[1]
    assert "whose module posix is blocked" in found[2]
    assert found[3] == "expected a state dict, found 'subprocess.getoutput'"


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged_pickles_are_refused(data: bytes, tmp_path: Path) -> None:
    message = refusal(write_archive(tmp_path / "a.pth", data))
    assert message.startswith("expected a checkpoint of torch.save, found one that torch cannot")
    assert DAMAGED[data] in message


def test_many_names_are_refused(tmp_path: Path) -> None:
    names = b"".join(f"ca\n{index}\n".encode() for index in range(1001))
    path = write_archive(tmp_path / "a.pth", names + b".")
    assert refusal(path) == "expected at most 1000 names, found 1001"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Calls(print, "1"), "state_dict entry w: expected a tensor, found 'builtins.print'"),
        (print, "expected a tensor, found 'builtins.print'"),
        (np.float64(1), "expected a tensor, found 'numpy._core.multiarray.scalar'"),
        ({}, "expected a tensor, found 'dict'"),
        ("text", "expected a tensor, found 'text'"),
        (STORAGE, "expected a tensor, found 'TypedStorage'"),
        (torch.float32, "expected a tensor, found 'dtype'"),
        (Calls(torch._utils._rebuild_parameter, print, True, {}), "found one that torch cannot"),
        (tensor("x", 0, (6,), (1,)), "'str' object has no attribute"),
        (tensor(stored(tag="module"), 0, (6,), (1,)), "Only persistent_load of storage"),
        (tensor(stored(kind=print), 0, (6,), (1,)), "no attribute 'dtype'"),
        (tensor(stored(key="../0"), 0, (6,), (1,)), "data/../0"),
        (tensor(stored(key="1"), 0, (6,), (1,)), "data/1"),
        (tensor(stored(count=7), 0, (6,), (1,)), "record size (24 bytes) does not match"),
        (tensor(stored(count=2**61), 0, (6,), (1,)), "found one that torch cannot load"),
        (tensor(stored(count=-6), 0, (6,), (1,)), "found one that torch cannot load"),
        (tensor(stored(count=6.5), 0, (6,), (1,)), "found one that torch cannot load"),
        (tensor(stored(kind=torch.LongStorage), 0, (6,), (1,)), "does not match expected size"),
        (
            tensor(stored(kind=torch.ByteStorage, count=24), 0, (6,), (1,)),
            "expected float32, float16, bfloat16, float64, int64, int32, found torch.uint8, torch",
        ),
        (tensor(STORAGE, 0, (7,), (1,)), "found one that torch cannot load (Trying to resize"),
        (tensor(STORAGE, 1, (6,), (1,)), "found one that torch cannot load (Trying to resize"),
        (tensor(STORAGE, -1, (6,), (1,)), "found one that torch cannot load"),
        (tensor(STORAGE, 0, (2, 2), (1,)), "found one that torch cannot load"),
        (tensor(STORAGE, 0, (-2, -3), (3, 1)), "found one that torch cannot load"),
        (tensor(STORAGE, 0, (2,), (-1,)), "found one that torch cannot load"),
        (tensor(STORAGE, 0, (1,) * 9, (1,) * 9), "expected at most 8 axes, found 9"),
        (tensor(STORAGE, 0, (2**31, 2), (0, 0)), "inside its storage of 24 bytes, found [2147483"),
        (tensor(STORAGE, 0, (10**30,), (0,)), "found one that torch cannot load"),
        (torch.eye(2).to_sparse(), "torch.sparse_coo on cpu"),
        (torch.empty(3, device="meta"), "torch.strided on meta"),
    ],
)
def test_what_is_no_tensor_is_refused(tmp_path: Path, value: object, expected: str) -> None:
    path = tmp_path / "a.pth"
    if isinstance(value, torch.Tensor):
        torch.save({"state_dict": {"w": value}}, path)
    else:
        write_archive(path, pickled({"state_dict": {"w": value}}))
    assert expected in refusal(path)


def test_attributes_of_tensors_are_passed_over(tmp_path: Path) -> None:
    value = tensor(STORAGE, 0, (6,), (1,))
    state = dict.fromkeys(("detach", "copy_", "clone", "untyped_storage", "numpy"), print)
    function, arguments = value.__reduce__()
    made = Calls(torch._tensor._rebuild_from_type_v2, function, torch.Tensor, arguments, state)
    found = load_inertly(write_archive(tmp_path / "a.pth", pickled({"w": made})))
    assert_equal(found, {"w": torch.zeros(6)})


@pytest.mark.parametrize("key", [1, None, ("w",), "a\nb", "x" * 301])
def test_names_of_entries_are_texts(tmp_path: Path, key: object) -> None:
    path = write_archive(tmp_path / "a.pth", pickled({key: tensor(STORAGE, 0, (6,), (1,))}))
    assert refusal(path).startswith("expected names of state_dict entries, found ")


@pytest.mark.parametrize("value", [{}, [], {"state_dict": {}}, {"state_dict": 1}, print])
def test_a_state_dict_is_expected(tmp_path: Path, value: object) -> None:
    assert refusal(write_archive(tmp_path / "a.pth", pickled(value))).startswith(
        "expected a state dict, found "
    )


def test_changed_files_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.ones(3), "v": Calls(print, 1)}}, path)
    data = path.read_bytes()

    def check(sequence: object) -> None:
        path.write_bytes(changed(data, sequence))
        try:
            with nothing_happens():
                load_inertly(path)
        except RefusedError as error:
            assert str(error).isprintable()

    fuzz(changes, check, 300)


def test_the_process_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {}
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: limits.update({kind: pair}))
    checkpoint_reader._set_limits(1000)
    assert limits[resource.RLIMIT_CORE] == (0, 0)
    assert limits[resource.RLIMIT_CPU][0] <= 120
    assert 2000 < limits[resource.RLIMIT_FSIZE][0] < 2**25
    assert limits[resource.RLIMIT_AS][0] > 2**29
