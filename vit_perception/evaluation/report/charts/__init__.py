# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG inside the page."""
