# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The command `vit-perception`: one file per subcommand, which imports its room on use."""
