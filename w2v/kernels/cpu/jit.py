"""How the kernel's functions are compiled: the options that Numba gets."""

from typing import Any

EXACT: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
CONTRACT: dict[str, Any] = {**EXACT, "fastmath": {"contract", "nsz", "arcp"}}
INLINED = {**EXACT, "forceinline": True}
INLINED_CONTRACT = {**CONTRACT, "forceinline": True}

# Numba makes machine code of every function and again of all that call it. Those called once are
# put into their caller before that, which halves the time that the first run waits.
MERGED = {**EXACT, "inline": "always"}
