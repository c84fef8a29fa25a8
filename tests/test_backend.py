"""The shim: one name for NumPy or CuPy, chosen at use; and adding rows by id."""

import importlib
import json
import sys

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v
from w2v import backend, config, np
from w2v.backend import array_module, device, load_cupy, scatter_add, sum_by_id, to_cpu, to_gpu
from w2v.errors import GPUError


def test_the_shim_is_numpy_without_a_gpu():
    assert np.zeros is numpy.zeros
    assert np.linalg is numpy.linalg
    assert isinstance(np.arange(3), np.ndarray)
    assert "zeros" in dir(np)


def test_the_names_of_the_package_are_found_when_used():
    assert w2v.np is np and w2v.config is config
    assert callable(w2v.train) and callable(w2v.load)
    assert {"train", "load", "WordVectors", "np", "config"} <= set(dir(w2v))
    with pytest.raises(AttributeError, match="no attribute 'trane'"):
        w2v.trane  # noqa: B018


def test_the_switch_takes_effect_after_all_imports(cupy):
    config.GPU = False
    assert type(np.zeros(2)) is numpy.ndarray
    config.GPU = True
    assert type(np.zeros(2)) is cupy.ndarray
    config.GPU = False
    assert type(np.zeros(2)) is numpy.ndarray


def test_a_star_import_stays_late_bound(cupy):
    config.GPU = False
    scope = {}
    exec("from w2v.np import *", scope)
    assert scope["np"] is np
    assert set(scope) == {"__builtins__", "np"}
    config.GPU = True
    assert type(scope["np"].zeros(2)) is cupy.ndarray


def test_the_shim_is_no_package():
    with pytest.raises(ImportError):
        importlib.import_module("w2v.np.linalg")
    with pytest.raises(ImportError):
        exec("import w2v.np.linalg")


@pytest.mark.parametrize("name", ["__path__", "__wrapped__", "__array_function__", "__version__"])
def test_dunder_names_are_not_forwarded(name):
    assert not hasattr(np, name)
    assert np.__all__ == ["np"]
    assert np.__name__ == "w2v.np"


def test_arrays_carry_their_backend(cupy):
    on_gpu, on_cpu = to_gpu(numpy.arange(3)), numpy.arange(3)
    assert array_module(on_gpu) is array_module(on_cpu, on_gpu) is cupy
    assert array_module(on_cpu) is numpy
    assert to_cpu(on_cpu) is on_cpu
    assert to_cpu(on_gpu).tolist() == [0, 1, 2]
    with pytest.raises(TypeError):
        on_gpu + on_cpu


def test_device_restores_the_switch_also_after_an_error(cupy):
    config.GPU = False
    with pytest.raises(KeyError), device(True):
        assert config.GPU is True
        raise KeyError
    assert config.GPU is False


def _without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # makes `import cupy` fail


def _failing(cupy, message):
    def get_device_count():
        raise cupy.CUDARuntimeError(message)

    return get_device_count


def test_a_missing_cupy_is_named_with_its_install_command(monkeypatch, refused):
    _without_cupy(monkeypatch)
    assert "pip install 'cupy-cuda12x[ctk]'" in refused("train", "--gpu", code=2)
    config.GPU = True
    with pytest.raises(GPUError, match="CuPy is not installed"):
        np.zeros(3)


@pytest.mark.parametrize(
    "version, missing",
    [
        (0, "there is no NVIDIA driver (cudaErrorInsufficientDriver"),
        (11080, "the NVIDIA driver is of CUDA 11.8, CuPy needs CUDA 12"),
    ],
)
def test_a_driver_that_is_missing_or_too_old_is_named(
    cupy, monkeypatch, refused, tmp_path, version, missing
):
    message = "cudaErrorInsufficientDriver: CUDA driver version is insufficient"
    monkeypatch.setattr(cupy.runtime, "getDeviceCount", _failing(cupy, message))
    monkeypatch.setattr(cupy.runtime, "driverGetVersion", lambda: version)
    line = refused("train", "--gpu", code=2)
    assert missing in line and "sudo ubuntu-drivers install" in line
    assert list(tmp_path.iterdir()) == []


def test_cupy_itself_without_a_device_is_one_line(real_cupy, refused, w2v, tmp_path):
    try:
        load_cupy()
    except GPUError:
        assert "no GPU: " in refused("train", "--gpu", code=2)
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "text.txt").write_text("a b c\n" * 50)
        assert w2v("train", "text.txt", "--engine", "layers", "--negative", 1)[0] == 0
    else:
        pytest.skip("there is a device")


def test_a_missing_compiler_is_named(cupy, monkeypatch, refused, tmp_path):
    def fail():
        raise RuntimeError("CuPy failed to load libnvrtc.so.12: OSError: no such file\nmore")

    backend._check_compiler.cache_clear()
    monkeypatch.setattr(cupy.cuda.nvrtc, "getVersion", fail)
    line = refused("train", "--gpu", code=2)
    assert "no CUDA compiler (CuPy failed to load libnvrtc.so.12: OSError: no such file)" in line
    assert "pip install 'cupy-cuda12x[ctk]'" in line
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_the_compiler_has_forgotten_is_named(cupy, monkeypatch, refused, tmp_path):
    monkeypatch.setattr(cupy.cuda.nvrtc, "getSupportedArchs", lambda: (75, 80, 90))
    monkeypatch.setattr(cupy.cuda.nvrtc, "getVersion", lambda: (13, 0))
    monkeypatch.setattr(cupy.cuda.Device, "compute_capability", "70")
    line = refused("train", "--gpu", code=2)
    assert "Imaginary 0 is of compute capability 7.0, and the compiler of CUDA 13" in line
    assert "for 7.5 and newer: install CuPy for an older CUDA (pip install" in line
    assert list(tmp_path.iterdir()) == []


def test_an_old_card_is_refused_before_the_text_is_read(cupy, monkeypatch, refused, tmp_path):
    """Only the fused kernel needs a newer one; the layers engine trains on it."""
    monkeypatch.setattr(cupy.cuda.Device, "compute_capability", "61")
    (tmp_path / "bad.txt").write_bytes(b"a\0b")  # reading it would be another error
    line = refused("train", "--gpu", "bad.txt", code=2)
    assert "capability 6.1: the fused kernel needs 7.0 or newer; pass --engine layers" in line
    assert [path.name for path in tmp_path.iterdir()] == ["bad.txt"]


@pytest.mark.parametrize("engine", ["fused", "layers"])
def test_tables_that_do_not_fit_are_refused(cupy, monkeypatch, refused, tmp_path, engine):
    (tmp_path / "text.txt").write_text("a b c\n" * 50)
    monkeypatch.setitem(cupy.memory, "free", backend.GPU_RESERVE + 1000)
    options = ["text.txt", "--gpu", "--engine", engine, "--dim", 100, "--negative", 1]
    line = refused("train", *options, code=2)
    assert "of dim 100 needs 0.00 GB on the GPU and 0.00 GB are free: lower --dim" in line
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_a_text_that_does_not_fit_is_refused(cupy, monkeypatch, refused, tmp_path):
    """By the layers engine, which keeps it on the GPU; the fused kernel streams it."""
    (tmp_path / "text.txt").write_text("a b c\n" * 10_000)
    monkeypatch.setitem(cupy.memory, "free", backend.GPU_RESERVE + 500_000)
    options = ["text.txt", "--gpu", "--engine", "layers", "--dim", 4, "--negative", 1]
    assert "needs 0.00 GB on the GPU and 0.00 GB are free" in refused("train", *options, code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize("kind", ["OutOfMemoryError", "CUDARuntimeError", "CUDADriverError"])
def test_memory_that_fills_up_during_a_training_is_named(
    cupy, monkeypatch, refused, tmp_path, kind
):
    """What else runs on the GPU may take it, or CUDA itself, for a kernel or a graph of kernels."""
    messages = {
        "OutOfMemoryError": "Out of memory allocating 1,000 bytes",
        "CUDARuntimeError": "cudaErrorMemoryAllocation: out of memory",
        "CUDADriverError": "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
    }

    def fail(self, *_):
        raise getattr(cupy, kind)(messages[kind])

    monkeypatch.setattr("w2v.training.layers.LayersTraining.updates", fail)
    line = refused("train", "--gpu", code=2)
    assert f"the GPU's memory is full ({messages[kind]})" in line and "nvidia-smi" in line
    assert list(tmp_path.iterdir()) == []


def test_other_errors_on_a_gpu_stay_as_they_are(cupy):
    for error in (RuntimeError("a fault"), MemoryError("the host's")):
        with pytest.raises(type(error), match=str(error)), device(True):
            raise error


@pytest.mark.parametrize("failing", [True, False])
def test_a_missing_device_is_named(cupy, monkeypatch, refused, tmp_path, failing):
    count = _failing(cupy, "cudaErrorNoDevice: no CUDA-capable device") if failing else lambda: 0
    monkeypatch.setattr(cupy.runtime, "getDeviceCount", count)
    assert "shows no CUDA device" in refused("train", "--gpu", code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_number_after_gpu_is_that_device(cupy, w2v, tmp_path):
    cupy.Device.used.clear()
    (tmp_path / "text.txt").write_text("a b c\n" * 50)
    for words in (["--gpu", "1", "text.txt"], ["--gpu=1", "text.txt"], ["text.txt", "--gpu"]):
        assert w2v("train", *words, "--engine", "layers", "--epochs", 1)[0] == 0
    assert cupy.Device.used == [1, 1, 0]


def test_a_device_that_is_not_there_is_refused(cupy, refused):
    assert "there is no GPU 2: the driver shows 2, counted from 0" in refused(
        "train", "--gpu", 2, code=2
    )


def test_info_shows_the_machine(cupy, w2v):
    code, out, _ = w2v("info", "--json")
    about = json.loads(out)
    assert code == 0 and about["driver"] == "CUDA 12.9" and about["cores"] >= 1
    assert about["devices"][1] == {"name": "Imaginary 1", "memory": 16 << 30, "free": 8 << 30}
    assert "Imaginary 0, 17.2 GB (8.6 free)" in w2v("info")[1]


def test_info_says_why_there_is_no_gpu(monkeypatch, w2v):
    _without_cupy(monkeypatch)
    code, out, _ = w2v("info")
    assert code == 0 and "no GPU: CuPy is not installed" in out


@given(
    st.integers(1, 5).flatmap(
        lambda size: st.tuples(
            st.just(size), st.lists(st.integers(-size, size - 1), max_size=20), st.integers(0, 3)
        )
    )
)
def test_scatter_add_equals_add_at(case):
    size, ids, width = case
    ids = numpy.array(ids, int)
    draw = numpy.random.default_rng(0)
    target, rows = draw.integers(-9, 9, (size, width)), draw.integers(-9, 9, (len(ids), width))
    expected = target.copy()
    numpy.add.at(expected, ids, rows)
    scatter_add(target, ids, rows)
    assert numpy.array_equal(target, expected)


def test_scatter_add_takes_ids_and_rows_of_any_shape():
    target, expected = numpy.zeros((4, 3), "f"), numpy.zeros((4, 3), "f")
    ids = numpy.array([[0, 3], [3, 3]])
    for rows in (numpy.arange(12.0).reshape(2, 2, 3), 1.0):
        scatter_add(target, ids, rows)
        numpy.add.at(expected, ids, rows)
    assert numpy.array_equal(target, expected)
    scatter_add(target, numpy.int64(2), numpy.array([1.0, 2.0, 3.0]))
    assert target[2].tolist() == [1, 2, 3]
    counts = numpy.zeros(3)
    scatter_add(counts, numpy.array([1, 1, 2]), 1)
    assert counts.tolist() == [0, 2, 1]


@pytest.mark.parametrize("outside", [4, -5])
def test_scatter_add_refuses_ids_outside(outside):
    with pytest.raises(IndexError):
        scatter_add(numpy.zeros((4, 2)), numpy.array([outside]), 1.0)


def test_sum_by_id_and_scatter_add_are_the_same_on_both_backends(cupy):
    ids, rows = numpy.array([2, 0, 2, 1, 2]), numpy.arange(10.0).reshape(5, 2)
    unique, sums = sum_by_id(ids, rows)
    assert unique.tolist() == [0, 1, 2]
    assert sums.tolist() == [[2, 3], [6, 7], [12, 15]]
    unique_gpu, sums_gpu = sum_by_id(to_gpu(ids), to_gpu(rows))
    assert to_cpu(unique_gpu).tolist() == unique.tolist()
    assert to_cpu(sums_gpu).tolist() == sums.tolist()
    target = to_gpu(numpy.zeros((3, 2)))
    scatter_add(target, to_gpu(ids), to_gpu(rows))
    assert to_cpu(target).tolist() == sums.tolist()


@pytest.mark.gpu
def test_scatter_add_on_a_real_gpu_equals_add_at():
    cupy = load_cupy()
    draw = numpy.random.default_rng(0)
    ids, rows = draw.integers(0, 50, 1000), draw.standard_normal((1000, 7)).astype("f")
    expected = numpy.zeros((50, 7), "f")
    numpy.add.at(expected, ids, rows)
    target = cupy.zeros((50, 7), "f")
    scatter_add(target, to_gpu(ids), to_gpu(rows))
    assert to_cpu(target) == pytest.approx(expected, abs=1e-5)
    unique, sums = sum_by_id(to_gpu(ids), to_gpu(rows))
    assert to_cpu(sums) == pytest.approx(expected[to_cpu(unique)], abs=1e-5)
