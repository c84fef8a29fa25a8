"""Every name of CuPy that the sources use is in the real package, and takes what they give it.

CuPy needs no device to be imported, so that this holds on any machine that it is installed on.
"""

import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "w2v").rglob("*.py"), *(ROOT / "scripts" / "gpu_check").glob("*.py")])


@pytest.fixture
def uses(real_cupy):
    """What a source uses of CuPy."""
    from cupy_calls import Uses

    return Uses


def test_all_that_is_used_of_cupy_is_there(uses):
    found, problems = set(), []
    for path in SOURCES:
        used = uses(path.read_text(), str(path.relative_to(ROOT)))
        found |= used.found
        problems += used.problems
    assert problems == []
    assert {
        "cupy.RawModule",
        "RawModule.get_function",
        "RawKernel.max_dynamic_shared_size_bytes",
        "Function.ptr",
        "cupyx.scatter_add",
        "cupyx.empty_pinned",
        "Stream.wait_event",
        "Event.synchronize",
        "ndarray.set",
        "Device.compute_capability",
        "cupy.ElementwiseKernel",
    } <= found
    assert len(found) > 60


@pytest.mark.parametrize(
    "line, problem",
    [
        ("cupy.zeroes(3)", "has no zeroes"),
        ("cupy.zeros(3, color=1)", "unexpected keyword argument 'color'"),
        ("cupy.zeros()", "missing a required argument: 'shape'"),
        ("cupy.RawModule('code', 'path')", "too many positional arguments"),
        ("cupy.cuda.Stream(non_blocking=True).wait('event')", "has no wait"),
        ("cupyx.scatter_add(1, 2)", "missing a required argument: 'value'"),
        ("xp.asarray(1, like=2)", "unexpected keyword argument 'like'"),
        ("cupy.cuda.runtime.getDeviceProperties()", "missing a required argument: 'device'"),
        ("there = cupy.empty(3); there[1:].put_all(2)", "has no put_all"),
        ("cupy.cuda.nvrtc.compileProgram(1, 2, 3)", "too many positional arguments"),
    ],
)
def test_what_cupy_has_not_is_found(uses, line, problem):
    (found,) = uses(textwrap.dedent(line)).problems
    assert problem in found


@pytest.mark.parametrize("name", ["runtime", "nvrtc", "driver", "Device", "Stream", "Event"])
def test_the_stand_in_has_nothing_that_cupy_has_not(real_cupy, name):
    import fake_cupy

    own = {"used", "current", "work", "add", "run", "stream", "number", "eager"}
    real, stand_in = getattr(real_cupy.cuda, name), getattr(fake_cupy.cuda, name)
    offered = {key for key in vars(stand_in) if not key.startswith("_")} - own
    assert {key for key in offered if not hasattr(real, key)} == set()
