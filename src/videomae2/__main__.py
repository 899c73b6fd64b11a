"""``python -m videomae2`` is ``videomae2``, also where the script is not on the path."""

import sys

from videomae2.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
