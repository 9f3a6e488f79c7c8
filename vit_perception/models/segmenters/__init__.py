# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
