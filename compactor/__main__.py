"""`python -m compactor` is `promontory compact`."""

import sys

from compactor.command import command
from promontory.service.command import run_command

sys.exit(run_command(command, sys.argv[1:]))
