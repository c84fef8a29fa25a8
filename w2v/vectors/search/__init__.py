"""The nearest rows of many rows at once: exact neighbours, and the selection of the best."""
