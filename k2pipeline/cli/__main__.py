"""python -m k2pipeline.cli: the command without its entry point."""

import sys

from k2pipeline.cli import main

sys.exit(main())
