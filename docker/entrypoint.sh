#!/usr/bin/env bash
# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs a command in the environment of the workspace, which names that of ROS beneath it.
set -e
# "--": the setup file would take this script's arguments for its own.
source /ws/install/setup.bash --
exec "$@"
