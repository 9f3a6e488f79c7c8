# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the graph that judges names on robots of trained weights of T2-track (card 17).

    python -m vit_perception.export.evidence runs/evidence.safetensors

writes `vit_perception/tracking/evidence.onnx`, where robots read it. The Gaussian process stays
outside: ONNX has no Cholesky factorisation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

from vit_perception.export.onnx_graph import to_onnx
from vit_perception.input.file import read_file
from vit_perception.output.write import write_file
from vit_perception.tracking.evidence_graph import GRAPH
from vit_perception.tracking.evidence_window import CHANNELS, FEATURES, STEPS
from vit_perception.training.evidence import EvidenceModel, empty_scaling

MOST_BYTES = 2**20


class EvidenceGraph(nn.Module):
    """Probabilities and class activation maps of the name being right."""

    def __init__(self, model: EvidenceModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, series: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns probabilities [N] and shares [N, STEPS + FEATURES].

        The probabilities are calibrated for the best candidate of a thing. The shares' mean, and
        the difference of the classifier's biases, is the logit before.
        """
        network = self.model.network
        tokens = network.tokens(*self.model.scaling.scaled(series, features))
        weight, bias = network.classifier.weight, network.classifier.bias
        shares = tokens @ (weight[1] - weight[0])
        factor, offset = self.model.calibration
        return (factor * (shares.mean(dim=1) + bias[1] - bias[0]) + offset).sigmoid(), shares


def evidence_graph(model: EvidenceModel) -> bytes:
    """Returns the ONNX graph of a model: any number of series at once."""
    example = (torch.zeros(2, STEPS, CHANNELS), torch.zeros(2, FEATURES))
    names = ("series", "features"), ("probabilities", "shares")
    dynamic = {name: {0: "candidates"} for name in (*names[0], *names[1])}
    fast = torch.backends.mha.get_fastpath_enabled()
    # The fast path is one operator that ONNX does not have.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        return to_onnx(EvidenceGraph(model), example, *names, dynamic)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def load_evidence(path: Path) -> EvidenceModel:
    """Returns the model of weights that `vit_perception.training.evidence` wrote, in eval mode.

    Raises:
        InputError: the file cannot be read.
    """
    model = EvidenceModel(empty_scaling())
    model.load_state_dict(load(read_file(path, MOST_BYTES)))
    return model.eval()


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the graph; returns 0."""
    parser = argparse.ArgumentParser(prog="evidence", description="Make the graph of T2-track.")
    parser.add_argument("weights", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, default=GRAPH)
    args = parser.parse_args(arguments)
    write_file(args.out, evidence_graph(load_evidence(args.weights)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
