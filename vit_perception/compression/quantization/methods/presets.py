# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings with a name (card 69, Configurations)."""

from __future__ import annotations

from vit_perception.compression.quantization.methods.adalog import AdaLog
from vit_perception.compression.quantization.methods.repq import RepQ
from vit_perception.compression.quantization.methods.uniform import UniformPTQ
from vit_perception.compression.quantization.simulation.bits import Bits

PRESETS = {
    "deploy-int8": UniformPTQ(conv_outputs=True),
    "repq-w4a4": RepQ(),
    "adalog-w3a3": AdaLog(Bits(3, 3, 3, 3, image=8)),
    "adalog-w4a4": AdaLog(),
    "adalog-w6a6": AdaLog(Bits(6, 6, 6, 6, image=8)),
}
"""Name to what `quantize` takes."""
