"""No flow is missed: what a compiled program shows, fpuscan reports, bit for bit.

Programs are random (``programs/``) or hand-written shapes (``shapes.c``). If
flipping one bit of the source changes a sink while both runs take the same
branches, in any build of several that switch ``#if`` arms on and off, the sink's
finding must list that bit. Into the sink ``quiet`` a value goes only over arms that
contradict each other: it must have no finding. Control dependence, comparisons
used as values and threads are out of scope, and what else README.md, Limitations,
names (``NOT_CLAIMED``) is in no program.

Of the flows that are reported, about a fifth is shown by no input; the end of the run
says how many, and why (``causes.py``).

``FPUSCAN_PROOF=long`` runs thousands of programs instead of some hundreds (about a
quarter of an hour); ``FPUSCAN_PROOF_SEED=N`` starts from another seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fpuscan.result import Finding
from tests.effort import LONG, SEED, WIDE
from tests.proof.causes import cause
from tests.proof.execution import Flow, NotRunnableError, Observation, compiles, observe, watch
from tests.proof.harness import Miss, find, minimise, misses, report, survivors, write_tree
from tests.proof.programs import NOT_CLAIMED, Program, generate
from tests.proof.programs.idioms import IDIOMS
from tests.proof.shapes import shapes
from tests.tables import PRECISION

BATCH = 40  # programs per tree and binary
BATCHES = 100 if LONG else 12 if WIDE else 3

# Shapes whose flow is not followed yet, and why; one that is followed must leave this list.
OPEN: dict[str, str] = {}

README = Path(__file__).parents[2] / "README.md"
PLAIN = ("members", "pointers", "macros", "masks", "guards", "globals", "initialiser", "arrays", "ifarms")

pytestmark = pytest.mark.skipif(not compiles(), reason="no gcc: programs cannot be run")


def explain(program: Program, miss: Miss, folder: Path) -> str:
    """A miss with the smallest program that shows it."""
    small = minimise(program, miss, folder, 300)
    text = "\n".join(f"/* {path} */\n{body}" for path, body in small.texts().items())
    return f"{miss.flow.sink}: bits {miss.bits:#x} flow (of {miss.seen:#x}), reported {miss.reported:#x}\n{text}"


def precision(watched: Observation, found: Mapping[Flow, list[Finding]]) -> Counter[str]:
    """How many flows are reported, how many of them no run showed and why, how many with more bits than any run."""
    counts: Counter[str] = Counter()
    for flow, findings in found.items():
        shown = watched.flows.get(flow, 0)
        counts["reported"] += 1
        counts["too many bits"] += bool(shown) and bool(survivors(findings) & ~shown)
        if not shown:
            counts["unseen"] += 1
            counts[cause(flow, findings, watched)] += 1
    return counts


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_flow_that_a_random_program_shows_is_reported(
    batch: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = SEED * 1000 + batch
    programs = [generate(number, seed) for number in range(BATCH)]
    write_tree(programs, tmp_path)
    watched, found = watch(programs, tmp_path), find(tmp_path)
    reported = {flow: survivors(findings) for flow, findings in found.items()}

    missing = misses(watched.flows, reported)

    record_property(PRECISION, dict(precision(watched, found)))
    texts = [explain(programs[miss.flow.number], miss, tmp_path) for miss in missing[:2]]
    assert not missing, f"seed {seed}: {len(missing)} misses\n" + "\n".join(texts)
    assert not [flow for flow in (*watched.flows, *reported) if flow.sink == "quiet"], f"seed {seed}: arms are mixed up"


@pytest.fixture(scope="module")
def shape_flows(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[Flow, int], dict[Flow, int]]:
    """What all shapes show and what is reported about them."""
    folder = tmp_path_factory.mktemp("shapes")
    programs = list(shapes().values())
    write_tree(programs, folder)
    return observe(programs, folder), report(folder)


@pytest.mark.parametrize("name", shapes())
def test_every_flow_that_a_shape_shows_is_reported(
    name: str, shape_flows: tuple[dict[Flow, int], dict[Flow, int]]
) -> None:
    number = shapes()[name].number
    seen, reported = ({flow: bits for flow, bits in all_.items() if flow.number == number} for all_ in shape_flows)

    found = misses(seen, reported)

    assert seen, "the shape shows no flow at all"
    assert bool(found) == (name in OPEN), found or f"{name} is followed now: take it out of OPEN"


def test_a_program_that_does_not_compile_is_told_apart(tmp_path: Path) -> None:
    program = Program(0, (("arch/x86/kernel/fpu/p0.c", ("int;;x",)),), (), switches=())
    write_tree([program], tmp_path)

    with pytest.raises(NotRunnableError):
        observe([program], tmp_path)


def test_a_miss_is_noticed(tmp_path: Path) -> None:
    """The test can fail: without the scan's findings every flow is a miss."""
    programs = [generate(number, SEED) for number in range(10)]
    write_tree(programs, tmp_path)
    seen = observe(programs, tmp_path)

    assert len(misses(seen, {})) == len(seen) > 0


def test_every_idiom_is_c_that_runs(tmp_path: Path) -> None:
    """Those that are not claimed, too: what is not followed must be a fact, and no mistake of the text."""
    programs = [generate(number, SEED, [*PLAIN, name]) for number, name in enumerate(IDIOMS)]
    write_tree(programs, tmp_path)
    text = "".join(body for program in programs for body in program.texts().values())

    assert observe(programs, tmp_path, 2, 2)
    assert "#elif" in text


@pytest.mark.parametrize("name", NOT_CLAIMED)
def test_what_no_program_has_stands_in_the_limitations(name: str) -> None:
    limitations = " ".join(README.read_text(encoding="utf-8").partition("## Limitations")[2].split())

    assert NOT_CLAIMED[name] in limitations


def test_a_seed_gives_the_same_program() -> None:
    assert generate(3, 7).texts() == generate(3, 7).texts() != generate(4, 7).texts()
