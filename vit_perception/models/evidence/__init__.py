# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Networks that judge what was seen of one thing over time, one file per paper."""
