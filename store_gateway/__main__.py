"""`python -m store_gateway` is `promontory store`."""

import sys

from promontory.service.command import run_command
from store_gateway.command import command

sys.exit(run_command(command, sys.argv[1:]))
