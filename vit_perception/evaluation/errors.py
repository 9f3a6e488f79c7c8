# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The error class of this room."""


class EvaluationError(ValueError):
    """A dataset or a prediction cannot be evaluated; names the file and the finding."""
