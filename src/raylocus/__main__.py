"""`python -m raylocus`: the same as the command `raylocus`."""

import sys

from raylocus.cli.main import main

sys.exit(main())
