# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a measurement: one page, the worst frames drawn, and a bag to look at."""
