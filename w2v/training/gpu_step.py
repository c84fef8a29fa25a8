"""One update of CBOW or skip-gram on a GPU in three kernels: compiles and starts `layers/step.cu`.

`BatchLoop` takes it where it `fits`: the layers and a rule are 19 to 36 operations a step, each of
which costs the host microseconds. They remain the specification, to which tests hold the kernels.
Only `take_batch` is given other arguments at each step.
"""

from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy

from w2v import layers
from w2v.backend import Array, array_module, check_ids, gpu_name
from w2v.errors import ConfigError, GPUError
from w2v.models import CBOW, SkipGram
from w2v.models.base import WordModel
from w2v.optimizers.gpu_updates import GpuRule
from w2v.optimizers.rules import Rule
from w2v.sampling import ContextWindows, WindowBatch

SOURCE = Path(layers.__file__).with_name("step.cu")

KERNELS = ("take_batch", "gradients", "norms", "update")

THREADS = 128
"""Threads of a block."""

LANES = 32
"""Threads that share a row."""

PARTS = 64
"""Sums of squares that add up to the square of the gradients' norm."""

MOST_NUMBERS = 3
"""Numbers that a rule takes at most: a learning rate and two betas."""

REALS = {"float32": "float", "float64": "double"}


class Text(NamedTuple):
    """What the ids of batches are taken from: `take_batch` says what each field is."""

    contexts: Array
    stride: int
    skipped: int
    targets: Array


class Shape(NamedTuple):
    """The size of a batch: `step.cu` says what an example consists of."""

    batch: int
    inputs: int
    groups: int
    period: int

    @property
    def scored(self) -> int:
        return self.groups * self.period

    def integers(self) -> list[numpy.int32]:
        """As the kernels take it."""
        return [numpy.int32(n) for n in (self.batch, self.inputs, self.scored, self.period)]


class Buffers(NamedTuple):
    """What stays in its place on the device from step to step."""

    input_ids: Array  # (B, inputs) int32
    output_ids: Array  # (B, groups, period) int32
    numbers: Array  # (MOST_NUMBERS,)
    hidden: Array  # (B, H)
    errors: Array  # (B, scored)
    losses: Array  # (B,) float64, of each example since they were last read
    squares: Array  # (PARTS,)
    owners: list[Array]  # (V,) int32, for each table


class Launch(NamedTuple):
    """A kernel and what it is started with."""

    kernel: Any
    blocks: int
    arguments: list[Any]

    def start(self) -> None:
        self.kernel((self.blocks,), (THREADS,), tuple(self.arguments))


def fits(model: Any, optimizer: Any) -> bool:
    """Whether `GpuStep` does what this model's layers and this optimizer do."""
    return (
        type(model) in (CBOW, SkipGram)
        and model.is_sparse
        and isinstance(optimizer, Rule)
        and array_module(*model.params) is not numpy
    )


def source(rule: GpuRule, real: str) -> str:
    """`step.cu` with the rule in it. real: "float" or "double"."""
    numbers = [f"{name} = numbers[{n}]" for n, name in enumerate(rule.numbers)]
    places = ("first", "second")[: len(rule.moments)]
    moments = [f"T& {name} = {at}[i];" for name, at in zip(rule.moments, places, strict=True)]
    given = {
        "Real": real,
        "THREADS": THREADS,
        "LANES": LANES,
        "PARTS": PARTS,
        "MOVES_ALL": int(rule.moves_all),
        "TAKE_NUMBERS": "const T " + ", ".join(numbers),
        "MOVE": " ".join([*moments, *rule.code.split()]),
    }
    return (
        "".join(f"#define {name} {value}\n" for name, value in given.items()) + SOURCE.read_text()
    )


def compile_kernels(xp: ModuleType, code: str) -> dict[str, Any]:
    """The kernels by name, for the current device; CuPy keeps them on disk. Raises GPUError."""
    module = xp.RawModule(code=code)
    try:
        return {name: module.get_function(name) for name in KERNELS}
    except (xp.cuda.compiler.CompileException, xp.cuda.driver.CUDADriverError) as error:
        raise GPUError(
            f"the kernels of the layers did not compile for {gpu_name()}: --debug shows the "
            "compiler's log; leave out --gpu"
        ) from error


class GpuStep:
    """Updates a model by mini-batches. It leaves no gradients in the model's `grads`."""

    def __init__(self, model: WordModel, rule: Rule):
        self.model, self.rule = model, rule
        self.xp, self.real = array_module(*model.params), model.params[0].dtype
        self._kernels = compile_kernels(self.xp, source(rule.on_gpu, REALS[self.real.name]))
        self._source: Any = None  # of the batches, and how the kernels read it
        self._text: Any = None
        self._prepared: Any = None  # the size of a batch and max_grad that the rest is made for
        self._shape: Any = None
        self._buffers: Any = None
        self._launches: list[Launch] = []

    def run(self, batch: WindowBatch, max_grad: float | None) -> None:
        """One update. Raises IndexError for an id that is not a row of the tables."""
        if self._source is not batch.source:
            self._text = self._read(*batch.source)
            self._source = batch.source
        wanted = len(batch.positions), batch.source[0].shape[1], max_grad
        if self._prepared != wanted:
            self._prepare(*wanted)
            self._prepared = wanted
        self.rule.iter += 1
        self._take_batch(batch.positions).start()
        for launch in self._launches:
            launch.start()

    def take_loss(self) -> float:
        """The sum of the batches' mean losses since it was last asked for; the host waits."""
        if self._buffers is None:
            return 0.0
        losses = self._buffers.losses
        total = float(losses.sum())
        losses.fill(0)
        return total

    def _read(self, contexts: Array | ContextWindows, target: Array) -> Text:
        """The text as the kernels read it. They do not look whether ids are in range."""
        ids: Array = contexts
        stride = skipped = contexts.shape[1]
        if isinstance(contexts, ContextWindows):
            ids, stride, skipped = contexts.corpus, 1, contexts.window_size
        if len(contexts) < len(target):
            raise IndexError(f"{len(target)} targets have only {len(contexts)} contexts")
        for part in (ids, target):
            check_ids(part.reshape(-1), self.model.params[0])
        ids, target = (self.xp.ascontiguousarray(part, dtype="int32") for part in (ids, target))
        return Text(ids, stride, skipped, target)

    def _prepare(self, batch: int, columns: int, max_grad: float | None) -> None:
        """Make the buffers for batches of a size, and all launches but the first."""
        is_cbow, period = type(self.model) is CBOW, self.model.ns_loss.sample_size + 1
        inputs, groups = (columns, 1) if is_cbow else (1, columns)
        self._shape = Shape(batch, inputs, groups, period)
        if batch * (inputs + self._shape.scored) > numpy.iinfo(numpy.int32).max:
            raise ConfigError(
                f"a batch of {batch} has too many words for a GPU: lower --batch-size"
            )
        self._buffers = self._make_buffers(self._shape)
        self._launches = [self._gradients(), *([] if max_grad is None else [self._norms()])]
        self._launches.append(self._update(max_grad))

    def _make_buffers(self, shape: Shape) -> Buffers:
        zeros, W = self.xp.zeros, self.model.params[0]
        return Buffers(
            input_ids=zeros((shape.batch, shape.inputs), "int32"),
            output_ids=zeros((shape.batch, shape.groups, shape.period), "int32"),
            numbers=zeros(MOST_NUMBERS, self.real),
            hidden=zeros((shape.batch, W.shape[1]), self.real),
            errors=zeros((shape.batch, shape.scored), self.real),
            losses=zeros(shape.batch, "float64"),
            squares=zeros(PARTS, self.real),
            owners=[zeros(len(W), "int32") for _ in self.model.params],
        )

    def _take_batch(self, positions: Array) -> Launch:
        text, shape, buffers = self._text, self._shape, self._buffers
        sampler = self.model.ns_loss.sampler
        negatives = sampler.get_negative_sample(buffers.output_ids[:, :, 0])  # asks for the shape
        numbers = [*self.rule.numbers(), *[0.0] * MOST_NUMBERS][:MOST_NUMBERS]
        arguments = [
            text.contexts,
            numpy.int64(text.stride),
            numpy.int32(text.skipped),
            text.targets,
            positions,
            negatives,
            numpy.int32(type(self.model) is CBOW),
            *shape.integers(),
            *map(self.real.type, numbers),
            buffers.input_ids,
            buffers.output_ids,
            buffers.numbers,
        ]
        ids = shape.batch * (shape.inputs + shape.scored)
        return Launch(self._kernels["take_batch"], -(-ids // THREADS), arguments)

    def _gradients(self) -> Launch:
        params, buffers = self.model.params, self._buffers
        arguments = [
            *params,
            numpy.int32(params[0].shape[1]),
            *self._shape.integers(),
            buffers.input_ids,
            buffers.output_ids,
            buffers.hidden,
            buffers.errors,
            buffers.losses,
            *self.rule.on_gpu.sums(params),
            *buffers.owners,
        ]
        return Launch(self._kernels["gradients"], self._shape.batch, arguments)

    def _rows(self) -> list[Any]:
        """Which rows a batch has, as `norms` and `update` take them."""
        buffers = self._buffers
        counts = numpy.int32(buffers.input_ids.size), numpy.int32(buffers.output_ids.size)
        return [*counts, buffers.input_ids, buffers.output_ids, *buffers.owners]

    def _norms(self) -> Launch:
        params = self.model.params
        sums, dim = self.rule.on_gpu.sums(params), numpy.int32(params[0].shape[1])
        arguments = [dim, *self._rows(), *sums, self._buffers.squares]
        return Launch(self._kernels["norms"], PARTS, arguments)

    def _update(self, max_grad: float | None) -> Launch:
        rule, params, buffers = self.rule.on_gpu, self.model.params, self._buffers
        words, dim = params[0].shape
        sums = rule.sums(params)
        states = rule.state(params)
        # A rule without moments does not touch what stands in their place.
        moments = [(*state, *sums)[:2] for state in states]
        arguments = [
            numpy.int32(dim),
            numpy.int32(words),
            *self._rows(),
            buffers.numbers,
            buffers.squares,
            numpy.int32(max_grad is not None),
            self.real.type(max_grad or 0),
            *params,
            *sums,
            *[first for first, _ in moments],
            *[second for _, second in moments],
        ]
        rows = 2 * words if rule.moves_all else buffers.input_ids.size + buffers.output_ids.size
        return Launch(self._kernels["update"], -(-rows * LANES // THREADS), arguments)
