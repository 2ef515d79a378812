"""``python -m arena``: the command line without its script."""

import os
import sys

# `python -m` puts the working directory first on the path: any file there would replace the module of its name that
# arena imports. It stays, as the last, where arena itself is found in it.
if __name__ == "__main__" and sys.path and sys.path[0] == os.getcwd():
    here = sys.path.pop(0)
    if __file__.startswith(os.path.join(here, "arena") + os.sep):
        sys.path.append(here)

if __name__ == "__main__":
    from arena.cli import main

    sys.exit(main())
