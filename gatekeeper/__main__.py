"""``gatekeeper`` and ``python -m gatekeeper``."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status of DESIGN §10."""
    from gatekeeper.cli.entry import run

    if argv is None:
        # One command keeps nearly all that it allocates: frequent collections find nothing, and
        # take up to half of the time of a large account or register.
        gc.set_threshold(100_000, 50, 1000)
    return run(sys.argv[1:] if argv is None else list(argv))


if __name__ == "__main__":
    sys.exit(main())
