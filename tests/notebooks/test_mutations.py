"""A sample of the mutation gate (`python -m tests.notebooks.mutations` runs all of it)."""

import pytest

from tests.notebooks.mutations.catalogue import MUTATIONS, Mutation
from tests.notebooks.mutations.gate import PACKAGE, mutated, run
from tests.notebooks.nbval_run import SOLUTIONS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_still_fits_the_source(mutation: Mutation) -> None:
    source = (PACKAGE / mutation.file).read_text(encoding="utf-8")
    changed = mutated(mutation, source)
    assert changed != source
    compile(changed, mutation.file, "exec")


def test_every_notebook_has_a_mutation_that_must_turn_it_red() -> None:
    covered = {number for mutation in MUTATIONS for number in mutation.notebooks}
    assert covered == {path.name[:2] for path in SOLUTIONS.glob("*.ipynb")}


def test_a_read_model_in_which_the_last_to_arrive_wins_is_noticed() -> None:
    [mutation] = [one for one in MUTATIONS if one.name == "last_to_arrive_wins"]
    assert run(mutation).noticed
