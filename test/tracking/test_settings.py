# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vit_perception.setting import SettingError
from vit_perception.tracking.settings import TrackingSettings


def test_numbers_as_a_person_writes_them() -> None:
    assert TrackingSettings(track_memory=3).track_memory == 3.0


def test_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(SettingError, match="track_min_hits: expected 1 to 100, found 0"):
        TrackingSettings(track_min_hits=0)
    with pytest.raises(SettingError, match="track_memory: expected 0 to 60, found nan"):
        TrackingSettings(track_memory=float("nan"))
