"""`python -m minimaskrcnn`: the same as the command `minimaskrcnn`."""

import sys

from minimaskrcnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
