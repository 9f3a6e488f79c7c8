# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Teaching a running node: what is meant, what it gives, and what stays of it."""
