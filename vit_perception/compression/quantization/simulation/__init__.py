# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Quantized networks simulated in float torch: values are rounded as integers would be."""

import vit_perception.models  # noqa: F401  # timm needs torchvision's operators
