# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured on: pictures of folders and images of bags, with what is true of them."""
