# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m vit_perception.ros.manual`."""

import sys

from vit_perception.ros.manual.manual import main

if __name__ == "__main__":
    sys.exit(main())
