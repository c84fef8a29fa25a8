"""Finds what a source uses of CuPy, and compares it with the real package, without a device.

A name leads to CuPy where it is `cupy`, `cupyx`, `xp` or the book's `np`, or is assigned from
something that does; what cannot be followed is in HINTS.
"""

import ast
import inspect
import re

import cupy
import cupyx

HINTS = {
    "w2v/kernels/cuda/kernel.py": {
        "module": cupy.RawModule,
        "kernel": cupy.RawKernel,
        "self.device": cupy.cuda.Device,
        "totals": cupy.ndarray,
        "loss": cupy.ndarray,
    },
    "w2v/kernels/cuda/text_stream.py": {
        "self.stream": cupy.cuda.Stream,
        "part.is_there": cupy.cuda.Event,
        "part.device": cupy.ndarray,
    },
    "w2v/optimizers/gpu_updates.py": {"self._kernel": cupy.ElementwiseKernel},
    "w2v/sampling/alias.py": {"generator": cupy.random.Generator},
}
"""What is handed over, or kept in an attribute, by file."""

GIVE_CUPY = {"array_module", "active_module", "load_cupy"}
"""Functions of w2v whose result may be CuPy itself."""

RETURNED = {
    cupy.cuda.get_current_stream: cupy.cuda.Stream,
    cupy.get_default_memory_pool: cupy.cuda.MemoryPool,
    cupy.random.default_rng: cupy.random.Generator,
    cupy.RawModule.get_function: cupy.RawKernel,
    cupy.RawKernel.kernel: cupy.cuda.Function,
    cupy.cuda.Stream.record: cupy.cuda.Event,
    **dict.fromkeys([cupy.asarray, cupy.empty, cupy.zeros, cupy.ones], cupy.ndarray),
    **dict.fromkeys([cupy.empty_like, cupy.zeros_like, cupy.searchsorted], cupy.ndarray),
}
"""What calls return, and what properties hold."""


class Instance:
    """An object of a class of CuPy's."""

    def __init__(self, kind: type):
        self.kind = kind


class Uses(ast.NodeVisitor):
    """What one source uses of CuPy. `found` names it, `problems` what the package has not."""

    def __init__(self, source: str, file: str = "it"):
        self.file = file
        self.found: set[str] = set()
        self.problems: list[str] = []
        self.names = {"cupy": cupy, "cupyx": cupyx, "xp": cupy}
        self.names |= {name: Instance(kind) for name, kind in HINTS.get(file, {}).items()}
        if "from w2v import np" in source:
            self.names["np"] = cupy
        self.visit(ast.parse(source))

    def visit_Assign(self, node):
        value = self.value_of(node.value)
        for target in node.targets:
            if value is not None:
                self.names[ast.unparse(target)] = value
        self.generic_visit(node)

    def visit_withitem(self, node):
        if node.optional_vars and (value := self.value_of(node.context_expr)) is not None:
            self.names[ast.unparse(node.optional_vars)] = value
        self.generic_visit(node)

    def visit_Attribute(self, node):
        self.value_of(node)
        self.generic_visit(node)

    def visit_Call(self, node):
        function = self.value_of(node.func)
        if isinstance(function, Instance):
            function = function.kind.__call__
        if function is not None and (problem := refused(function, node)):
            self.complain(node, problem)
        self.generic_visit(node)

    def value_of(self, node):
        """What an expression holds, if it is CuPy's: something of the package, or an Instance."""
        if isinstance(node, ast.Attribute) and ast.unparse(node) not in self.names:
            base = self.value_of(node.value)
            return None if base is None else self.attribute(node, base)
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) in GIVE_CUPY:
                return cupy
            function = self.value_of(node.func)
            return Instance(function) if isinstance(function, type) else self.returned(function)
        if isinstance(node, ast.Subscript):
            base = self.value_of(node.value)
            return base if isinstance(base, Instance) and base.kind is cupy.ndarray else None
        return self.names.get(ast.unparse(node))

    def attribute(self, node, base):
        owner = base.kind if isinstance(base, Instance) else base
        self.found.add(f"{getattr(owner, '__name__', owner)}.{node.attr}")
        if not hasattr(owner, node.attr):
            self.complain(node, f"{owner} has no {node.attr}")
            return None
        value = getattr(owner, node.attr)
        if isinstance(base, Instance) and not callable(value):
            return self.returned(value)
        return value

    @staticmethod
    def returned(function):
        try:
            return Instance(RETURNED[function]) if function in RETURNED else None
        except TypeError:  # what cannot be a key
            return None

    def complain(self, node, problem):
        message = f"{self.file}:{node.lineno}: {ast.unparse(node)}: {problem}"
        if message not in self.problems:
            self.problems.append(message)


def refused(function, call: ast.Call) -> str | None:
    """Why a function or class of CuPy's does not take the arguments of a call."""
    signature = signature_of(function)
    if signature is None:
        return f"the signature of {function} is not known"
    is_spread = any(isinstance(argument, ast.Starred) for argument in call.args)
    names = [keyword.arg for keyword in call.keywords if keyword.arg]
    is_spread |= len(names) < len(call.keywords)
    bind = signature.bind_partial if is_spread else signature.bind
    given = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
    try:
        bind(*[None] * (len(given) + ("self" in signature.parameters)), **dict.fromkeys(names))
    except TypeError as error:
        return f"{error}: {signature}"
    return None


def signature_of(function) -> inspect.Signature | None:
    """A signature, of a function in Cython from the first line of its docstring.

    Example: "f(int a, *, str b=None) -> int" -> (a, *, b=None)
    """
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        line = (function.__doc__ or "").partition("\n")[0].replace("\\", "")
    described = re.fullmatch(r"[\w.]+\((.*)\)(?: -> .*)?", line)
    if described is None:
        return None
    parts = re.sub(r"=[^,]+", "=None", described[1]).split(",")
    plain = [part.split()[-1] for part in parts if part.strip()]
    scope: dict = {}
    exec(f"def function({', '.join(plain)}): pass", scope)
    return inspect.signature(scope["function"])
