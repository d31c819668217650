"""`scripts/bench NAME`: one bench of this folder."""

from __future__ import annotations

import argparse
import sys

from benches import apply, checkplan, exposure, fleet, imports, inprocess, million, review

BENCHES = {
    "exposure": exposure,
    "fleet": fleet,
    "import": imports,
    "inprocess": inprocess,
    "million": million,
    "apply": apply,
    "check-plan": checkplan,
    "review": review,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    subparsers = parser.add_subparsers(dest="bench", required=True, metavar="NAME")
    for name, bench in BENCHES.items():
        summary = (bench.__doc__ or "").partition("\n")[0]
        bench.add_arguments(subparsers.add_parser(name, help=summary, description=bench.__doc__))
    arguments = parser.parse_args()
    result: int = BENCHES[arguments.bench].run(arguments)
    return result


if __name__ == "__main__":
    sys.exit(main())
