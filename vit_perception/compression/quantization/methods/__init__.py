# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Quantizers of papers: one file each, all behind `quantize.quantize`."""

import vit_perception.models  # noqa: F401  # timm needs torchvision's operators
