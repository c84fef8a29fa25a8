"""Two small numbers that all update rules share, on a CPU and on a GPU."""

EPSILON = 1e-7
"""What the book adds to a root so that nothing is divided by zero; Keras adds the same."""

TINY = 1e-25
"""A moment below this moves no float32 weight, since a step is at most lr * TINY / EPSILON.

It becomes 0 before it is a denormal number, which a processor is slow with.
"""
