"""``python -m glassformer`` is the command ``glassformer``; ``torchrun -m glassformer train`` uses it."""

import sys

from glassformer.cli import main

sys.exit(main())
