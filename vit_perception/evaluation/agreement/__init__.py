# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far two runs agree on a recording of which nothing is known to be true."""
