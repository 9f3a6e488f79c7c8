# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Proposals for those who label pictures of recordings, and what they made of them."""
