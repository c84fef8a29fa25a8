"""The fused kernel on a CPU, compiled with Numba."""
