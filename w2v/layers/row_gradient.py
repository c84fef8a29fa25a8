"""The gradient of a table of which a batch used only some rows."""

from w2v.backend import Array, array_module, scatter_add, sum_by_id


class RowGradient:
    """Row gradients with the ids of their rows; repeated ids add up.

    ids: (n,). rows: (n, H). shape: (V, H) of the table. is_summed: no id repeats. It takes
    the place of the book's (V, H) array, which is set to zero at every step.
    """

    def __init__(self, ids: Array, rows: Array, shape: tuple[int, ...], is_summed: bool = False):
        self.ids = ids
        self.rows = rows
        self.shape = shape
        self.is_summed = is_summed

    def summed(self) -> "RowGradient":
        """The same gradient with each id once."""
        if self.is_summed:
            return self
        return RowGradient(*sum_by_id(self.ids, self.rows), self.shape, is_summed=True)

    def dense(self) -> Array:
        """The same gradient as a (V, H) array."""
        full = array_module(self.rows).zeros(self.shape, self.rows.dtype)
        scatter_add(full, self.ids, self.rows)
        return full

    __array_ufunc__ = None  # array + RowGradient is __radd__'s

    def __add__(self, other: "RowGradient | Array") -> "RowGradient | Array":
        if not isinstance(other, RowGradient):
            return self.dense() + other
        xp = array_module(self.rows)
        ids = xp.concatenate([self.ids, other.ids])
        return RowGradient(ids, xp.concatenate([self.rows, other.rows]), self.shape)

    __radd__ = __add__
