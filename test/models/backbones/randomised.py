# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Networks whose every part shows: what begins as 0, 1 or 1e-6 would hide a wrong block."""

from __future__ import annotations

import torch
from torch import nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@torch.no_grad()
def randomise(model: nn.Module, seed: int = 0) -> nn.Module:
    """Draw constant parameters and BatchNorm's statistics anew; return the model in eval mode.

    Scales (norms, layer scales) come to lie in 0.5 to 1, offsets and bias tables near 0.
    """
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.numel() > 1 and parameter.min() == parameter.max():
            if parameter.max() == 0:
                parameter.normal_(0, 0.1, generator=generator)
            else:
                parameter.uniform_(0.5, 1, generator=generator)
    for module in model.modules():
        if isinstance(module, NORMS):
            # A weight that began as 0 would keep its branch faint.
            module.weight.uniform_(0.5, 1, generator=generator)
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    return model.eval()
