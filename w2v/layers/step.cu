// One update of CBOW or skip-gram with negative sampling, on a GPU: what the layers of this folder
// and a rule of optimizers/gpu_updates.py do together, in three kernels.
//
// training/gpu_step.py compiles and starts them, in this order:
//
//   take_batch   writes the ids of a batch and the rule's numbers into buffers that stay in place
//   gradients    the loss of each example, and the sums of its gradients in a table of their own
//   norms        only where gradients are clipped: sums of squares
//   update       moves the rows by the rule, and makes the sums zero again
//
// Only the arguments of take_batch change from step to step. An example has `inputs` rows of W_in,
// whose mean is its hidden vector, and `scored` rows of W_out, in groups of `period`: a word that
// is there (label 1), then negatives (label 0). CBOW has 2 * window inputs and one group, skip-gram
// one input and 2 * window groups.
//
// Given in front, by gpu_step.source: Real (float or double), MOVES_ALL (0 or 1: whether rows
// without a gradient move), TAKE_NUMBERS and MOVE (the rule, for the value at `i`), THREADS of a
// block, LANES of them that share a row, and PARTS, the sums of squares that `norms` leaves. 32
// lanes are a warp of NVIDIA's cards and half of one, or all of it, of AMD's.

typedef long long i64;
typedef Real T;  // what the rules call it

constexpr int GROUPS = THREADS / LANES;

#if defined(__HIPCC__) || defined(__HIPCC_RTC__)
#define FROM_LANE(value, mask) __shfl_xor(value, mask, LANES)
#else
#define FROM_LANE(value, mask) __shfl_xor_sync(0xffffffffu, value, mask)
#endif

__device__ Real sum_of_lanes(Real value) {
    for (int mask = LANES / 2; mask > 0; mask /= 2) value += FROM_LANE(value, mask);
    return value;
}

// One thread for each id. contexts[position * stride + c], without the `skipped` column (the target
// in a text, or none), are the words around targets[position]. negatives: (batch, groups, period - 1).
extern "C" __global__ void take_batch(const int* contexts, i64 stride, int skipped,
                                      const int* targets, const i64* positions,
                                      const i64* negatives, int is_cbow, int batch, int inputs,
                                      int scored, int period, Real number0, Real number1,
                                      Real number2, int* input_ids, int* output_ids,
                                      Real* numbers) {
    int n = blockIdx.x * THREADS + threadIdx.x, m = n - batch * inputs;
    if (n == 0) {
        numbers[0] = number0;
        numbers[1] = number1;
        numbers[2] = number2;
    }
    if (m >= batch * scored) return;
    if (m >= 0 && m % period > 0) {
        output_ids[m] = negatives[(i64)(m / period) * (period - 1) + m % period - 1];
        return;
    }
    i64 position = positions[m < 0 ? n / inputs : m / scored];
    int c = m < 0 ? n % inputs : m % scored / period;  // column of the contexts
    bool is_target = (m < 0) != (is_cbow != 0);
    int id = is_target ? targets[position] : contexts[position * stride + c + (c >= skipped)];
    if (m < 0)
        input_ids[n] = id;
    else
        output_ids[m] = id;
}

// One block for each example. hidden: (batch, dim), errors: (batch, scored), both read by nobody else.
// losses: (batch,), to which the loss of an example is added. owners_in, owners_out: (V,), for each
// row of the batch one of its places in input_ids or output_ids.
extern "C" __global__ void __launch_bounds__(THREADS)
gradients(const Real* __restrict__ W_in, const Real* __restrict__ W_out, int dim, int batch,
          int inputs, int scored, int period, const int* __restrict__ input_ids,
          const int* __restrict__ output_ids, Real* hidden, Real* errors, double* losses,
          Real* sums_in, Real* sums_out, int* owners_in, int* owners_out) {
    __shared__ double group_loss[GROUPS];
    int b = blockIdx.x, lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
    input_ids += b * inputs;
    output_ids += b * scored;
    hidden += (i64)b * dim;
    errors += b * scored;
    for (int j = threadIdx.x; j < dim; j += THREADS) {
        Real sum = 0;
        for (int c = 0; c < inputs; c++) sum += W_in[(i64)input_ids[c] * dim + j];
        hidden[j] = sum / inputs;
    }
    __syncthreads();
    double loss = 0;
    for (int s = group; s < scored; s += GROUPS) {
        const Real* row = W_out + (i64)output_ids[s] * dim;
        Real x = 0;
        for (int j = lane; j < dim; j += LANES) x += hidden[j] * row[j];
        x = sum_of_lanes(x);
        Real label = s % period == 0, shrunk = exp(-fabs(x));
        Real y = (x >= 0 ? 1 : shrunk) / (1 + shrunk);
        loss += (x + fabs(x)) / 2 - label * x + log1p(shrunk);
        if (lane == 0) errors[s] = (y - label) / batch;
    }
    if (lane == 0) group_loss[group] = loss;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int g = 1; g < GROUPS; g++) loss += group_loss[g];
        losses[b] += loss / batch;
    }
    for (int j = threadIdx.x; j < dim; j += THREADS) {
        Real h = hidden[j], dh = 0;
        for (int s = 0; s < scored; s++) {
            i64 i = (i64)output_ids[s] * dim + j;
            dh += errors[s] * W_out[i];
            atomicAdd(sums_out + i, errors[s] * h);
        }
        for (int c = 0; c < inputs; c++)
            atomicAdd(sums_in + (i64)input_ids[c] * dim + j, dh / inputs);
    }
    for (int c = threadIdx.x; c < inputs; c += THREADS) owners_in[input_ids[c]] = b * inputs + c;
    for (int s = threadIdx.x; s < scored; s += THREADS) owners_out[output_ids[s]] = b * scored + s;
}

// A row of either table, or none: which one the n-th place of the batch stands for.
struct Row {
    bool is_out;
    i64 id;  // -1: another place of the batch has the same row
};

__device__ Row row_at(int n, int count_in, const int* input_ids, const int* output_ids,
                      const int* owners_in, const int* owners_out) {
    Row row;
    row.is_out = n >= count_in;
    int place = row.is_out ? n - count_in : n;
    row.id = (row.is_out ? output_ids : input_ids)[place];
    if ((row.is_out ? owners_out : owners_in)[row.id] != place) row.id = -1;
    return row;
}

// PARTS blocks. squares: (PARTS,), which add up to the square of the gradients' norm.
extern "C" __global__ void __launch_bounds__(THREADS)
norms(int dim, int count_in, int count_out, const int* input_ids, const int* output_ids,
      const int* owners_in, const int* owners_out, const Real* sums_in, const Real* sums_out,
      Real* squares) {
    __shared__ Real group_sum[GROUPS];
    int lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
    Real sum = 0;
    for (int n = blockIdx.x * GROUPS + group; n < count_in + count_out; n += PARTS * GROUPS) {
        Row row = row_at(n, count_in, input_ids, output_ids, owners_in, owners_out);
        if (row.id < 0) continue;
        const Real* values = (row.is_out ? sums_out : sums_in) + row.id * dim;
        for (int j = lane; j < dim; j += LANES) sum += values[j] * values[j];
    }
    sum = sum_of_lanes(sum);
    if (lane == 0) group_sum[group] = sum;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int g = 1; g < GROUPS; g++) sum += group_sum[g];
    squares[blockIdx.x] = sum;
}

// What a gradient is multiplied with, so that the norm of all is at most max_norm.
__device__ Real clipping(const Real* squares, Real max_norm) {
    Real sum = 0;
    for (int part = threadIdx.x % LANES; part < PARTS; part += LANES) sum += squares[part];
    Real rate = max_norm / (sqrt(sum_of_lanes(sum)) + (Real)1e-6);
    return rate >= 1 ? 1 : rate;  // what is not a number stays so
}

// LANES threads for each row: those of the batch, or with MOVES_ALL all of both tables, of `words`
// rows each. first, second: the rule's moments. is_clipped: whether `norms` has run.
extern "C" __global__ void __launch_bounds__(THREADS)
update(int dim, int words, int count_in, int count_out, const int* input_ids,
       const int* output_ids, const int* owners_in, const int* owners_out, const Real* numbers,
       const Real* squares, int is_clipped, Real max_norm, Real* W_in, Real* W_out, Real* sums_in,
       Real* sums_out, Real* first_in, Real* first_out, Real* second_in, Real* second_out) {
    int n = blockIdx.x * GROUPS + threadIdx.x / LANES;
    Row row;
    if (MOVES_ALL) {
        if (n >= 2 * words) return;
        row.is_out = n >= words;
        row.id = row.is_out ? n - words : n;
    } else {
        if (n >= count_in + count_out) return;
        row = row_at(n, count_in, input_ids, output_ids, owners_in, owners_out);
        if (row.id < 0) return;
    }
    Real rate = is_clipped ? clipping(squares, max_norm) : 1;
    Real *W = row.is_out ? W_out : W_in, *sums = row.is_out ? sums_out : sums_in;
    Real *first = row.is_out ? first_out : first_in, *second = row.is_out ? second_out : second_in;
    TAKE_NUMBERS;
    for (int j = threadIdx.x % LANES; j < dim; j += LANES) {
        i64 i = row.id * dim + j;
        T g = rate * sums[i], &w = W[i];
        MOVE;
        sums[i] = 0;
    }
}
