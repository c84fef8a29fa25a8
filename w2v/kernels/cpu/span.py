"""What skip-gram and CBOW do alike with a span: gather its rows, and name those of the next one."""

from w2v.kernels.cpu.jit import MERGED
from w2v.kernels.cpu.llvm import LANES
from w2v.kernels.cpu.products import Soon
from w2v.kernels.cpu.vectors import gather_block
from w2v.numba_setup import numba


@numba.njit(**MERGED)
def gather(span, words, W_out, span_range, rate, settings):
    """Copy the span's output columns out of W_out, and note the rate of each row."""
    shared, ids = settings.shared, span.output_ids
    width, columns = span.columns.shape
    for n in range(shared):
        ids[n] = words.noise[span_range.number, n]
    for q in range(span_range.centers):
        ids[span.targets + q] = words.ids[span_range.start + q]
    ids[span.targets + span_range.centers :] = 0  # not a word of another run, which V may not reach
    for n in range(len(ids)):
        span.rate_out[n] = rate * settings.damping_out[ids[n]]
    for i in range(span_range.rows):
        span.rate_in[i] = rate * settings.damping_in[words.ids[span_range.row_start + i]]
    for block in range(0, columns, LANES):
        for offset in range(0, width, LANES):
            gather_block(W_out, ids, block, offset, width, span.outputs, span.columns, columns)


@numba.njit(**MERGED)
def rows_of_next_span(words, W_in, W_out, span_range, settings):
    """What the next span needs: its new context rows, its negatives and its targets."""
    following = span_range.start + settings.centers
    contexts = following + settings.window
    contexts_stop = max(contexts, min(contexts + settings.centers, span_range.reach_stop))
    targets_stop = max(following, min(following + settings.centers, span_range.piece_stop))
    return (
        Soon(W_in, words.ids, contexts, contexts_stop),
        Soon(W_out, words.noise[span_range.number + 1], 0, settings.shared),
        Soon(W_out, words.ids, following, targets_stop),
    )
