"""``python -m phenotyper`` is the command ``phenotyper``."""

import sys

from phenotyper.cli import main

sys.exit(main())
