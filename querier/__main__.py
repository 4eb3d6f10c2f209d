"""`python -m querier` is `promontory query`."""

import sys

from promontory.service.command import run_command
from querier.command import command

sys.exit(run_command(command, sys.argv[1:]))
