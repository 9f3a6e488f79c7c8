# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How files and folders are written: beside their place first, whole or not at all, by one."""
