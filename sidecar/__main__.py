"""`python -m sidecar` is `promontory sidecar`."""

import sys

from promontory.service.command import run_command
from sidecar.command import command

sys.exit(run_command(command, sys.argv[1:]))
