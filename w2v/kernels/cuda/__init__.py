"""The fused kernel on a GPU: `span.cu`, compiled and started through CuPy."""
