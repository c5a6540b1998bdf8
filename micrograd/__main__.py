"""python -m micrograd: the command."""

import sys

from micrograd.command.cli import main

sys.exit(main())
