# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The way of a camera's images through a node, and the account of each."""
