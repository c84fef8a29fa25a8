"""What is counted of the GPU's kernel without a GPU."""

import sys

import pytest

PRINTED = """\
train:
.text.train:
\t//## File "/tmp/span.cu", line 3
        /*0000*/                   S2R R0, SR_TID.X ;
.L_x_1:
\t//## File "/tmp/span.cu", line 2 inlined at "/tmp/span.cu", line 4
\t//## File "/tmp/span.cu", line 4
        /*0010*/                   LDS.128 R4, [R0] ;
        /*0020*/              @!P0 FFMA R1, R4, R5, R1 ;
        /*0030*/               @P0 BRA `(.L_x_1) ;
$__internal_0:
        /*0040*/                   MUFU.RCP R1, R1 ;
"""


@pytest.fixture
def bench(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "scripts" / "bench"))
    yield
    for name in ("gpu_counts", "gpu_conflicts"):
        sys.modules.pop(name, None)


def test_instructions_are_read_with_the_calls_that_they_come_from(bench):
    import gpu_counts

    program = gpu_counts.parse(PRINTED)
    assert [code.opcode for code in program.instructions] == [
        "S2R", "LDS.128", "FFMA", "BRA", "MUFU.RCP",
    ]  # fmt: skip
    assert [code.lines for code in program.instructions] == [(3,), (2, 4), (2, 4), (2, 4), ()]
    assert gpu_counts.innermost_loops(program) == [range(1, 4)]


def test_kinds_of_instructions(bench):
    import gpu_counts

    kinds = {"LDS.128": "LDS", "LDSM.16.M88.4": "LDS", "DFMA": "double", "IADD3": "integer"}
    for opcode, kind in kinds.items():
        assert gpu_counts.kind_of(opcode) == kind


def test_passes_over_the_banks_of_shared_memory(bench):
    from gpu_conflicts import fewest, passes

    lanes = range(32)
    assert passes([0 for _ in lanes], 1) == 1
    assert passes(list(lanes), 1) == 1
    assert passes([2 * lane for lane in lanes], 1) == 2
    assert passes([32 * lane for lane in lanes], 1) == 32
    assert passes([4 * lane for lane in lanes], 4) == 4 == fewest([4 * lane for lane in lanes], 4)
    assert passes([32 * lane for lane in lanes], 4) == 32


@pytest.mark.parametrize("dim", [64, 100, 128, 300])
def test_rows_of_vectors_are_read_without_conflicts(bench, dim):
    from gpu_conflicts import accesses, fewest, passes

    for name, (word, width) in accesses(dim).items():
        words = [word(lane) for lane in range(32)]
        if name in ("tensor score: ldmatrix", "score: rows of outputs", "tensor sum: ldmatrix"):
            assert passes(words, width) == fewest(words, width), name
