"""Do the notebooks notice when a guarantee is broken?

    python -m tests.notebooks.mutations             all (some ten minutes)
    python -m tests.notebooks.mutations NAME …      these
    python -m tests.notebooks.mutations --list      their names, and the claims that they break

Exit code 1 when one is not noticed.
"""

import sys

from tests.notebooks.mutations.catalogue import MUTATIONS
from tests.notebooks.mutations.gate import run


def main(arguments: list[str]) -> int:
    by_name = {mutation.name: mutation for mutation in MUTATIONS}
    if "--list" in arguments or "--help" in arguments:
        print(__doc__)
        for mutation in MUTATIONS:
            print(f"{mutation.name:40}{', '.join(mutation.notebooks):8}{mutation.claim}")
        return 0
    unknown = [name for name in arguments if name not in by_name]
    if unknown:
        print(f"there is no mutation {unknown[0]!r}; --list shows them", file=sys.stderr)
        return 2
    missed = 0
    for name in arguments or by_name:
        seen = run(by_name[name])
        missed += not seen.noticed
        cells = [(number, cell) for number, cells in seen.red.items() for cell in cells]
        found = " · ".join(f"{number}: {cell.splitlines()[0]}" for number, cell in cells)
        print(
            f"{'noticed' if seen.noticed else 'MISSED ':9}{name:40}{found or 'no cell is red'}",
            flush=True,
        )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
