# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How files from outside are read: regular files alone, up to a size, as bytes, JSON or YAML."""
