# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The manual, the files in config/ and the security policy, written from the code."""
