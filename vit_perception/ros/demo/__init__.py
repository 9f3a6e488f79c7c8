# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration: a recording played through the real node."""
