# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The one error of this room."""


class EvaluationError(ValueError):
    """A dataset or a prediction that cannot be evaluated: names the file and the finding."""
