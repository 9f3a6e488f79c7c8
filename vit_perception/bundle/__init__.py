# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a model: read, checked and written."""
