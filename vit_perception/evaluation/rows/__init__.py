# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What bundles found in the pictures of a measurement, on disk and read again."""
