# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings with a name (card 69, Configurations)."""

from __future__ import annotations

from vit_perception.compression.quantization.methods.repq import RepQ
from vit_perception.compression.quantization.methods.uniform import UniformPTQ

PRESETS = {"deploy-int8": UniformPTQ(conv_outputs=True), "repq-w4a4": RepQ()}
"""Name to what `quantize` takes."""
