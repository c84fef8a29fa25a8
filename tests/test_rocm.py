"""AMD's cards, which CuPy runs on through ROCm: what works, and what says that it does not."""

import json

import numpy as np
import pytest

import w2v as package


@pytest.fixture
def rocm(cupy, monkeypatch):
    """The stand-in for CuPy as it is on ROCm: HIP's names in kernels, none of NVRTC's tables."""

    class RawModule(cupy.RawModule):
        def __init__(self, *, code, options=()):
            super().__init__(code=f"#define __HIPCC__\n{code}", options=options)

    def missing():
        raise RuntimeError("HIP does not support getSupportedArchs")

    monkeypatch.setattr(cupy.runtime, "is_hip", True)
    monkeypatch.setattr(cupy.runtime, "driverGetVersion", lambda: 70051831)
    monkeypatch.setattr(cupy.runtime, "runtimeGetVersion", lambda: 60342131)
    monkeypatch.setattr(cupy.cuda.nvrtc, "getSupportedArchs", missing)
    monkeypatch.setattr(cupy, "RawModule", RawModule)
    return cupy


@pytest.fixture
def text(tmp_path):
    words = np.random.default_rng(0).integers(0, 9, (30, 8))
    (tmp_path / "text.txt").write_text("\n".join(" ".join(map(str, line)) for line in words))
    return tmp_path / "text.txt"


def test_the_fused_kernel_says_what_to_do(rocm, refused, text, tmp_path):
    line = refused("train", text, "--gpu", "--min-count", 1, code=2)
    assert "fused kernel is for NVIDIA's cards, and Imaginary 0 is not one" in line
    assert "pass --engine layers, or leave out --gpu" in line
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_the_layers_engine_trains(rocm, w2v, text, model):
    """What that line says first."""
    small = ["--min-count", 1, "--dim", 4, "--window", 2, "--batch-size", 20, "--epochs", 1]
    command = ["train", text, "--gpu", "--engine", "layers", "--model", model, *small]
    assert w2v(*command)[0] == 0
    assert np.isfinite(package.load("vectors.pkl").matrix).all()


def test_a_device_that_is_not_there_is_named_with_its_tool(rocm, refused, text):
    line = refused("train", text, "--gpu", 2, "--engine", "layers", code=2)
    assert "there is no GPU 2" in line and "rocm-smi; and see that HIP_VISIBLE_DEVICES" in line


def test_info_shows_its_versions(rocm, w2v):
    about = json.loads(w2v("info", "--json")[1])
    assert (about["driver"], about["runtime"]) == ("ROCm 7.0", "ROCm 6.3")
