"""Gradients by differences, which those of layers and models are compared with."""

import numpy as np


def numeric_gradient(function, array, eps=1e-6):
    gradient = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + eps
        above = function()
        array[place] = kept - eps
        gradient[place] = (above - function()) / (2 * eps)
        array[place] = kept
    return gradient
