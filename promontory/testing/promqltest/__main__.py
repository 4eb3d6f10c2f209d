"""Run PromQL test scripts from the command line."""

from __future__ import annotations

import sys

from promontory.testing.promqltest.command_line import main

if __name__ == "__main__":
    sys.exit(main())
