# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Networks. Importing this package makes timm importable beside any build of torch."""

from vit_perception.models import torchvision_import as _torchvision_import  # noqa: F401
