"""``gatekeeper`` and ``python -m gatekeeper``."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status of DESIGN §10."""
    from gatekeeper.cli.entry import run

    return run(sys.argv[1:] if argv is None else list(argv))


if __name__ == "__main__":
    sys.exit(main())
