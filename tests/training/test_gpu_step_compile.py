"""The kernels of a step compile for the cards that CUDA has, for every rule."""

import re

import nvrtc as compiler
import pytest

from w2v.optimizers import OPTIMIZERS
from w2v.training.gpu_step import REALS, source


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("real", REALS.values())
def test_a_step_compiles_without_spills(name, real):
    nvrtc = compiler.load()
    archs = compiler.supported(nvrtc)
    for arch in (max(60, min(archs)), max(90, min(archs))):
        code, log = compiler.compile_for(nvrtc, arch, source(OPTIMIZERS[name]().on_gpu, real))
        assert code == 0, log
        spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", log)
        assert len(spills) == 2 * 4 and set(spills) == {"0"}, log
