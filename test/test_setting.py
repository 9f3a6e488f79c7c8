# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from vit_perception.setting import (
    Setting,
    SettingError,
    checked,
    natural,
    setting,
    settings_of,
    shared_setting,
)


def _even(value: int) -> int:
    if value % 2:
        raise ValueError(f"expected an even number, found {value}")
    return value


@dataclass(frozen=True)
class Knobs:
    gain: float = setting(1.0, "A gain.", live=True, minimum=0.0)
    offset: float = setting(0.0, "An offset.", maximum=5.0)
    free: float = setting(0.0, "Any number.")
    pixels: int = setting(4, "Pixels.", minimum=1, maximum=2**28)
    share: float = setting(-1.0, "A share.", minimum=0.0, maximum=1.0, special=-1.0)
    mode: str = setting("fast", "A mode.", choices=("fast", "exact"))
    even: int = setting(0, "An even number.", check=_even)
    names: tuple[str, ...] = setting((), "Names.")
    other: str = "not a setting"


KNOBS = settings_of(Knobs)


def refusal(name: str, value: object) -> str:
    with pytest.raises(SettingError) as caught:
        checked(KNOBS[name], value)
    return str(caught.value)


def test_settings_are_read_from_the_dataclass_in_its_order() -> None:
    assert list(KNOBS) == ["gain", "offset", "free", "pixels", "share", "mode", "even", "names"]
    assert (KNOBS["gain"].name, KNOBS["gain"].default, KNOBS["gain"].live) == ("gain", 1.0, True)
    kinds = ["double", "double", "double", "integer", "double", "string", "integer"]
    assert [each.kind for each in KNOBS.values()] == [*kinds, "string_array"]
    assert Knobs().share == -1.0


def test_a_shared_setting_is_the_same() -> None:
    @dataclass(frozen=True)
    class Others:
        gain: float = shared_setting(Knobs, "gain")

    assert settings_of(Others) == {"gain": KNOBS["gain"]}
    assert Others().gain == 1.0


def test_a_range_with_one_end_is_checked() -> None:
    assert refusal("gain", -5.0) == "gain: expected 0 or more, found -5.0"
    assert refusal("offset", 5.1) == "offset: expected 5 or less, found 5.1"
    assert checked(KNOBS["gain"], 1e9) == 1e9
    assert checked(KNOBS["offset"], -1e9) == -1e9
    assert refusal("gain", float("nan")) == "gain: expected 0 or more, found nan"
    assert refusal("free", float("nan")) == "free: expected a number, found nan"


def test_ranges_are_told_without_exponents() -> None:
    allowed = [KNOBS[name].allowed for name in ("gain", "offset", "free", "pixels", "share")]
    assert allowed == ["0 or more", "5 or less", "", "1 to 268435456", "0 to 1, or -1"]
    assert Setting("", default=0.1, minimum=0.1, maximum=2.5e9).allowed == "0.1 to 2500000000"


def test_values_are_taken_as_people_and_numpy_write_them() -> None:
    assert (checked(KNOBS["gain"], 2), type(checked(KNOBS["gain"], 2))) == (2.0, float)
    assert checked(KNOBS["gain"], np.float32(0.5)) == 0.5
    assert type(checked(KNOBS["pixels"], np.int64(7))) is int
    assert checked(KNOBS["names"], "red mug, spoon") == ("red mug", "spoon")
    assert checked(KNOBS["names"], [""]) == ()
    assert natural(KNOBS["pixels"], True) is True
    assert refusal("pixels", True) == "pixels: expected integer, found True"
    assert checked(KNOBS["pixels"], 2.0) == 2
    assert refusal("pixels", 2.5) == "pixels: expected integer, found 2.5"
    assert refusal("pixels", float("inf")) == "pixels: expected integer, found inf"
    for nothing in ("", "[]", "null", "~"):
        assert checked(KNOBS["names"], nothing) == ()
    assert refusal("names", [True, False]).startswith(
        "names: expected list of strings (in YAML, on, off, yes and no are names only in quotes)"
    )
    assert refusal("names", [1, 2]) == "names: expected list of strings, found [1, 2]"
    assert "expected double" in refusal("gain", 10**400)


def test_a_check_of_its_own_is_told_with_the_name() -> None:
    assert checked(KNOBS["even"], 4) == 4
    assert refusal("even", 3) == "even: expected an even number, found 3"
    assert refusal("mode", "slow") == "mode: expected 'fast' or 'exact', found 'slow'"
