// The fused kernel on a GPU: a block of threads trains one span at a time.
//
// kernels/reference.py says what it computes, kernels/cuda/kernel.py compiles and starts it. The
// grid is persistent: each block takes pieces of the text until none is left. Per span: copy the
// rows of the context words and of the output words (shared negatives, then targets) into shared
// memory, multiply small matrices there, and add the changes to the rows in global memory
// atomically.
//
// Given when it is compiled: CBOW (0 or 1), DIM, STRIDE (floats from row to row in global memory),
// WINDOW, CENTERS (at most 32, one bit each), NEGATIVES (shared ones), THREADS, PIECE, TENSOR (0 or
// 1: products on tensor cores) and SHARED_BYTES (of `Shared`, by which the host asks for memory).

typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// PTX 8.1, which CUDA 12.1 brought, adds four floats to global memory at once.
#if defined(__CUDACC_VER_MAJOR__) && __CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ >= 1201
#define HAS_VECTOR_ATOMICS 1
#else
#define HAS_VECTOR_ATOMICS 0
#endif

constexpr int SENTENCE_END = -1;                         // as in w2v.corpus
constexpr u64 LANE_KEEP = 0, LANE_SPAN = 1, LANE_NEGATIVE = 2;  // plan.KEEP, SPAN, NEGATIVE
constexpr u32 ALL = 0xffffffffu;                         // lanes of a warp
constexpr int WARPS = THREADS / 32;
constexpr int TILE = THREADS > 128 ? 2 : 4;              // columns that a thread scores

__device__ constexpr int up(int number, int step) { return (number + step - 1) / step * step; }

constexpr int VECTORS = up(DIM, 4) / 4;                  // float4 of a row
constexpr int PITCH = VECTORS | 1;                       // odd: eight rows lie in different banks
constexpr int ROWS = CENTERS + 2 * WINDOW;               // context rows of a span
constexpr int NOISE = up(NEGATIVES, 8);                  // columns of negatives, then of targets
constexpr int TARGETS = up(CENTERS, 8);
constexpr int COLUMNS = NOISE + TARGETS;
constexpr int SCORED = CBOW ? NOISE : COLUMNS;           // columns that have a score in every row
constexpr int SCORE_ROWS = up(CBOW ? CENTERS : ROWS, 8);
constexpr int WORDS = PIECE + 2 * WINDOW;                // kept words of a piece and around it
constexpr int SPANS = (PIECE + CENTERS - 1) / CENTERS;
constexpr int ROW_WORDS = (ROWS + 31) / 32;              // 32-bit words with a bit for each row

struct Shared {
    float4 contexts[ROWS * PITCH];      // CBOW: later the gradients of the means
    float4 outputs[COLUMNS * PITCH];
    float4 hidden[CBOW ? CENTERS * PITCH : 1];
    // weight * (label - sigmoid(score)), in both orders, since products read along either
    alignas(16) float by_row[SCORE_ROWS * SCORED];
    alignas(16) float by_column[SCORED * SCORE_ROWS];
    float own[CENTERS];                 // CBOW's, of each mean with its centre word
    float rate_in[ROWS];                // learning rate, damped
    float rate_out[COLUMNS];
    int context_ids[ROWS];
    int output_ids[COLUMNS];
    u32 pairs[ROWS];                    // bit b: the row is in the window of centre word b
    u32 equal[NOISE];                   // bit b: the negative is centre word b
    u32 inside[CENTERS * ROW_WORDS];    // bits of the rows in the window of each centre word
    int size[CENTERS];                  // how many they are
    int row_start, row_stop;            // rows that are in a window
    // the kept words of a piece; its own from index WINDOW on
    int ids[WORDS];
    unsigned short sentence[WORDS];     // counted from the start of the piece
    unsigned short reach[WORDS];        // the window, shrunk
    int span_place[SPANS];              // of the first centre word, from the start of the piece
    int own_stop;                       // the piece's own words lie at indices WINDOW..own_stop
    int reach_start, reach_stop;        // indices of all
    int kept_before[WARPS], ends_before[WARPS];
    u64 taken;
};
static_assert(sizeof(Shared) == SHARED_BYTES,
              "kernels/cuda/layout.py counts shared memory otherwise");

struct Corpus {       // ids_start..ids_stop: places that can be read; start..stop: trained
    const int* ids;
    i64 ids_start, ids_stop, start, stop;
    const u32* keep;  // (V,)
    u64 key;
    i64 shift;        // place + shift is the position in the run
};

struct Counts {       // of one thread
    u64 words, pairs, measured;
    double loss;
};

__device__ __forceinline__ u64 random_bits(u64 key, i64 position, u64 lane) {  // rng.bits
    u64 x = key + (u64)position * 0x9E3779B97F4A7C15ull + lane * 0xD1B54A32D192ED03ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

__device__ __forceinline__ float dot4(float4 a, float4 b) {
    return fmaf(a.x, b.x, fmaf(a.y, b.y, fmaf(a.z, b.z, a.w * b.w)));
}

__device__ __forceinline__ void add_scaled(float4& sum, float factor, float4 x) {
    sum.x = fmaf(factor, x.x, sum.x);
    sum.y = fmaf(factor, x.y, sum.y);
    sum.z = fmaf(factor, x.z, sum.z);
    sum.w = fmaf(factor, x.w, sum.w);
}

__device__ __forceinline__ float4 scaled(float factor, float4 x) {
    return make_float4(factor * x.x, factor * x.y, factor * x.z, factor * x.w);
}

// Rows of global memory. They are read past the first-level cache, which does not see what other
// blocks have written.

__device__ __forceinline__ void copy_vector(float4* target, const float4* source) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    u32 address = (u32)__cvta_generic_to_shared(target);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(source)
                 : "memory");
#else
    *target = __ldcg(source);
#endif
}

__device__ __forceinline__ void wait_for_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
    __syncthreads();
}

__device__ __forceinline__ void add_to_global(float4* target, float4 x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900 && HAS_VECTOR_ATOMICS
    asm volatile("red.relaxed.gpu.global.add.v4.f32 [%0], {%1, %2, %3, %4};"
                 ::"l"(target), "f"(x.x), "f"(x.y), "f"(x.z), "f"(x.w) : "memory");
#else
    float* values = (float*)target;
    atomicAdd(values, x.x);
    atomicAdd(values + 1, x.y);
    atomicAdd(values + 2, x.z);
    atomicAdd(values + 3, x.w);
#endif
}

__device__ __forceinline__ float4* row_of(float* weights, int id) {
    return (float4*)(weights + (size_t)id * STRIDE);
}

// The words of a piece

struct Word {
    int id;
    bool is_end, is_kept;
    unsigned short reach;
};

__device__ __forceinline__ Word read_word(const Corpus& corpus, i64 place, bool is_there) {
    Word word = {SENTENCE_END, true, false, 0};
    if (is_there && (word.id = corpus.ids[place - corpus.ids_start]) != SENTENCE_END) {
        u64 random = random_bits(corpus.key, place + corpus.shift, LANE_KEEP);
        word.is_end = false;
        word.is_kept = (u32)(random >> 32) <= corpus.keep[word.id];
        word.reach = (unsigned short)(
            LEAST_WINDOW + (((random & 0xffffffffu) * (WINDOW - LEAST_WINDOW + 1)) >> 32));
    }
    return word;
}

__device__ __forceinline__ void note_word(Shared& s, int index, Word word, int sentence) {
    s.ids[index] = word.id;
    s.reach[index] = word.reach;
    s.sentence[index] = (unsigned short)sentence;
}

// Reads up to WINDOW kept words of the same sentence, from `place` on in steps of +1 or -1, into
// the indices from `index` on in the same direction; by one warp. Returns how many there are.
__device__ int read_reach(Shared& s, const Corpus& corpus, i64 place, int step, int index,
                          int sentence) {
    int lane = threadIdx.x % 32, found = 0;
    for (bool is_over = false; found < WINDOW && !is_over; place += 32 * step) {
        i64 at = place + lane * step;
        Word word = read_word(corpus, at, at >= corpus.ids_start && at < corpus.ids_stop);
        u32 ends = __ballot_sync(ALL, word.is_end);
        u32 kept = __ballot_sync(ALL, word.is_kept);
        is_over = ends != 0;
        if (is_over) kept &= (ends & (0u - ends)) - 1;  // those before the first end
        int rank = found + __popc(kept & ((1u << lane) - 1));
        if ((kept >> lane & 1) && rank < WINDOW) note_word(s, index + rank * step, word, sentence);
        found += __popc(kept);
    }
    return found < WINDOW ? found : WINDOW;
}

// Fill in the kept words of the piece, and those that the windows reach before and after it.
__device__ void read_piece(Shared& s, const Corpus& corpus, i64 piece, Counts& counts) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int kept_so_far = WINDOW, ends_so_far = 0;
    for (int base = 0; base < PIECE; base += THREADS) {
        int offset = base + threadIdx.x;
        i64 place = piece + offset;
        bool is_there = offset < PIECE && place < corpus.ids_stop;
        Word word = read_word(corpus, place, is_there);
        counts.words += !word.is_end && place >= corpus.start && place < corpus.stop;
        u32 kept = __ballot_sync(ALL, word.is_kept);
        u32 ends = __ballot_sync(ALL, word.is_end && is_there);
        if (lane == 0) {
            s.kept_before[warp] = __popc(kept);
            s.ends_before[warp] = __popc(ends);
        }
        __syncthreads();
        int index = kept_so_far, sentence = ends_so_far;
        for (int other = 0; other < WARPS; other++) {
            int warp_kept = s.kept_before[other], warp_ends = s.ends_before[other];
            index += other < warp ? warp_kept : 0;
            sentence += other < warp ? warp_ends : 0;
            kept_so_far += warp_kept;
            ends_so_far += warp_ends;
        }
        u32 lower = (1u << lane) - 1;
        index += __popc(kept & lower);
        if (word.is_kept) {
            note_word(s, index, word, sentence + __popc(ends & lower));
            if ((index - WINDOW) % CENTERS == 0) s.span_place[(index - WINDOW) / CENTERS] = offset;
        }
        __syncthreads();
    }
    if (warp == 0) {
        int before = read_reach(s, corpus, piece - 1, -1, WINDOW - 1, 0);
        int after = read_reach(s, corpus, piece + PIECE, 1, kept_so_far, ends_so_far);
        if (lane == 0) {
            s.reach_start = WINDOW - before;
            s.own_stop = kept_so_far;
            s.reach_stop = kept_so_far + after;
        }
    }
    __syncthreads();
}

// Products of matrices in shared memory. `finish` takes each element, or vector of four, once.

// factor(m, k) = values[k * pitch + m]
struct Stored {
    const float* values;
    int pitch;

    __device__ float one(int m, int k) const { return values[k * pitch + m]; }

    __device__ void eight(int m, int k, float (&f)[8]) const {
        const float* source = values + k * pitch + m;
        float4 low = *(const float4*)source, high = *(const float4*)(source + 4);
        f[0] = low.x, f[1] = low.y, f[2] = low.z, f[3] = low.w;
        f[4] = high.x, f[5] = high.y, f[6] = high.z, f[7] = high.w;
    }
};

// factor(m, k) = bit m of the words of k
struct Bits {
    const u32* bits;
    int words;

    __device__ float one(int m, int k) const {
        return bits[k * words + m / 32] >> m % 32 & 1 ? 1.0f : 0.0f;
    }

    __device__ void eight(int m, int k, float (&f)[8]) const {
        u32 part = bits[k * words + m / 32] >> m % 32;
#pragma unroll
        for (int i = 0; i < 8; i++) f[i] = part >> i & 1 ? 1.0f : 0.0f;
    }
};

// Which of the k in a sum count, for the rows m..m + 7: all below `full`, then start..stop.
struct Range {
    int full, start, stop;
};

#if !TENSOR

// finish(m, n, x[m] . y[n]) for rows of x and columns that are rows of y; 2 x TILE a thread.
template <int N, class Finish>
__device__ __forceinline__ void dots(const float4* x, int rows, const float4* y, Finish finish) {
    constexpr int GROUPS = N / TILE;
    int half = (rows + 1) / 2;
    for (int item = threadIdx.x; item < half * GROUPS; item += THREADS) {
        int row = item / GROUPS, column = item % GROUPS;
        int row_2 = row + half < rows ? row + half : row;
        const float4* x_1 = x + row * PITCH;
        const float4* x_2 = x + row_2 * PITCH;
        float sums[2][TILE] = {};
        for (int v = 0; v < VECTORS; v++) {
            float4 a_1 = x_1[v], a_2 = x_2[v];
#pragma unroll
            for (int i = 0; i < TILE; i++) {
                float4 b = y[(column + i * GROUPS) * PITCH + v];
                sums[0][i] += dot4(a_1, b);
                sums[1][i] += dot4(a_2, b);
            }
        }
#pragma unroll
        for (int i = 0; i < TILE; i++) {
            finish(row, column + i * GROUPS, sums[0][i]);
            if (row_2 != row) finish(row_2, column + i * GROUPS, sums[1][i]);
        }
    }
}

// finish(m, v, vector v of the sum of factor(m, k) * x[k]), for m < rows; 8 rows a thread.
template <class Ranges, class Factor, class Finish>
__device__ __forceinline__ void combine(int rows, const float4* x, Ranges ranges, Factor factor,
                                        Finish finish) {
    for (int item = threadIdx.x; item < (rows + 7) / 8 * VECTORS; item += THREADS) {
        int m = item / VECTORS * 8, v = item % VECTORS;
        float4 sums[8];
#pragma unroll
        for (int i = 0; i < 8; i++) sums[i] = make_float4(0, 0, 0, 0);
        auto add = [&](int k) {
            float f[8];
            factor.eight(m, k, f);
            float4 b = x[k * PITCH + v];
#pragma unroll
            for (int i = 0; i < 8; i++) add_scaled(sums[i], f[i], b);
        };
        Range range = ranges(m);
        for (int k = 0; k < range.full; k++) add(k);
        for (int k = range.start; k < range.stop; k++) add(k);
#pragma unroll
        for (int i = 0; i < 8; i++)
            if (m + i < rows) finish(m + i, v, sums[i]);
    }
}

#else

// The same on tensor cores, which round their factors to 10 bits (tf32): a warp multiplies tiles of
// 16 x 8 by 8 x 8. What a lane holds of them (PTX, mma.m16n8k8): with group = lane / 4 and
// t = lane % 4, of the left rows group and group + 8 at k = t and t + 4, of the right column group
// at the same k, of the product rows group and group + 8 at columns 2t and 2t + 1.
__device__ __forceinline__ void multiply_tiles(float (&c)[4], const float (&a)[4],
                                               const float (&b)[2]) {
#ifdef __CUDA_ARCH__
    u32 left[4], right[2];
#pragma unroll
    for (int i = 0; i < 4; i++) asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(left[i]) : "f"(a[i]));
#pragma unroll
    for (int i = 0; i < 2; i++) asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(right[i]) : "f"(b[i]));
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
#else
    emulator::multiply_tiles(c, a, b);
#endif
}

// Number k of a row of vectors, 0 beyond its end.
__device__ __forceinline__ float number_of(const float4* rows, int row, int k) {
    return k < VECTORS * 4 ? ((const float*)(rows + row * PITCH))[k] : 0.0f;
}

template <int N, class Finish>
__device__ __forceinline__ void dots(const float4* x, int rows, const float4* y, Finish finish) {
    int group = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    for (int tile = threadIdx.x / 32; tile < (rows + 15) / 16 * (N / 8); tile += WARPS) {
        int m = tile / (N / 8) * 16 + group, n = tile % (N / 8) * 8;
        int m_2 = m + 8 < rows ? m + 8 : 0, m_1 = m < rows ? m : 0;  // any row: it is not finished
        float sums[4] = {};
        for (int k = t; k < up(VECTORS * 4, 8); k += 8) {
            float a[4] = {number_of(x, m_1, k), number_of(x, m_2, k), number_of(x, m_1, k + 4),
                          number_of(x, m_2, k + 4)};
            float b[2] = {number_of(y, n + group, k), number_of(y, n + group, k + 4)};
            multiply_tiles(sums, a, b);
        }
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (m + i / 2 * 8 < rows) finish(m + i / 2 * 8, n + 2 * t + i % 2, sums[i]);
    }
}

template <class Ranges, class Factor, class Finish>
__device__ __forceinline__ void combine(int rows, const float4* x, Ranges ranges, Factor factor,
                                        Finish finish) {
    constexpr int ACROSS = (VECTORS + 1) / 2;  // tiles of 8 numbers in a row
    int group = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    for (int tile = threadIdx.x / 32; tile < (rows + 15) / 16 * ACROSS; tile += WARPS) {
        int m = tile / ACROSS * 16, n = tile % ACROSS * 8;
        // Factors outside of a row's range are 0. Those of rows beyond the last are read from what
        // follows in shared memory, and their products are not used.
        Range range = ranges(m), other = ranges(m + 8);
        float sums[4] = {};
        auto add = [&](int start, int stop) {
            for (int first = start; first < stop; first += 8) {
                int k = first + t;
                bool is_in = k < stop, is_in_2 = k + 4 < stop;
                float a[4] = {is_in ? factor.one(m + group, k) : 0,
                              is_in ? factor.one(m + group + 8, k) : 0,
                              is_in_2 ? factor.one(m + group, k + 4) : 0,
                              is_in_2 ? factor.one(m + group + 8, k + 4) : 0};
                float b[2] = {is_in ? number_of(x, k, n + group) : 0,
                              is_in_2 ? number_of(x, k + 4, n + group) : 0};
                multiply_tiles(sums, a, b);
            }
        };
        if (range.full > 0 || other.full > 0) add(0, max(range.full, other.full));
        if (other.start < other.stop && range.start < range.stop) {
            add(min(range.start, other.start), max(range.stop, other.stop));
        } else {
            add(range.start, range.stop);
            add(other.start, other.stop);
        }
        // Neighbouring lanes exchange pairs, so that each has a vector of one row.
        bool is_odd = t % 2;
        float pair[2] = {is_odd ? sums[0] : sums[2], is_odd ? sums[1] : sums[3]};
#pragma unroll
        for (int i = 0; i < 2; i++) pair[i] = __shfl_xor_sync(ALL, pair[i], 1);
        float4 vector = is_odd ? make_float4(pair[0], pair[1], sums[2], sums[3])
                               : make_float4(sums[0], sums[1], pair[0], pair[1]);
        int row = m + group + (is_odd ? 8 : 0), v = n / 4 + t / 2;
        if (row < rows && v < VECTORS) finish(row, v, vector);
    }
}

#endif

// One span

struct SpanRange {
    i64 position;       // of the first centre word in the run
    int center, count;  // index of the first centre word; how many
    int row, rows;      // index of the first context row; how many
    int skipped;        // rows before it that are in no window
    float rate;         // of learning
    float ratio;        // negatives wanted per shared one
    bool is_measured;
};

__device__ __forceinline__ int clip(int x, int low, int high) {
    return x < low ? low : x > high ? high : x;
}

// The context words of each centre word, as bits; returns how many pairs this thread found.
__device__ int find_pairs(Shared& s, const SpanRange& span) {
    int found = 0;
    for (int r = threadIdx.x; r < span.rows; r += THREADS) {
        int row = span.row + r, sentence = s.sentence[row];
        u32 bits = 0;
#pragma unroll 8
        for (int b = 0; b < CENTERS; b++) {
            int center = span.center + (b < span.count ? b : 0);
            int distance = row < center ? center - row : row - center;
            bool is_pair = b < span.count && distance > 0 && distance <= s.reach[center] &&
                           s.sentence[center] == sentence;
            bits |= (u32)is_pair << b;
        }
        s.pairs[r] = bits;
        found += __popc(bits);
        if (bits) {
            atomicMin(&s.row_start, r);
            atomicMax(&s.row_stop, r + 1);
        }
    }
    return found;
}

// The span's output words: the negatives it shares, and its centre words.
__device__ void find_outputs(Shared& s, const SpanRange& span, u64 key, const uint2* noise,
                             u32 words) {
    for (int c = THREADS - 1 - threadIdx.x; c < COLUMNS; c += THREADS) {  // rows go to the others
        int id = s.ids[span.center];  // of columns that pad; nothing is written to them
        if (c < NEGATIVES) {
            u64 random = random_bits(key, span.position, LANE_NEGATIVE + c);
            u32 column = (u32)(((random & 0xffffffffu) * words) >> 32);
            uint2 split = noise[column];
            id = (u32)(random >> 32) < split.x ? column : split.y;
        } else if (c >= NOISE && c - NOISE < span.count) {
            id = s.ids[span.center + c - NOISE];
        }
        s.output_ids[c] = id;
        if (c < NOISE) {
            u32 bits = 0;
            for (int b = 0; b < span.count; b++) bits |= (u32)(s.ids[span.center + b] == id) << b;
            s.equal[c] = bits;
        }
    }
}

// Whether an output column holds a row of this span.
__device__ __forceinline__ bool is_used(int c, const SpanRange& span) {
    return c < NEGATIVES || (c >= NOISE && c - NOISE < span.count);
}

// Copy the span's rows into shared memory; a warp a row.
__device__ void gather(Shared& s, const SpanRange& span, float* W_in, float* W_out,
                       const float* damping_in, const float* damping_out) {
    int lane = threadIdx.x % 32;
    for (int n = threadIdx.x / 32; n < span.rows + COLUMNS; n += WARPS) {
        bool is_context = n < span.rows;
        int c = n - span.rows;
        if (!is_context && !is_used(c, span)) continue;
        int id = is_context ? s.ids[span.row + n] : s.output_ids[c];
        float4* target = is_context ? s.contexts + n * PITCH : s.outputs + c * PITCH;
        const float4* source = row_of(is_context ? W_in : W_out, id);
        for (int v = lane; v < VECTORS; v += 32) copy_vector(target + v, source + v);
        if (lane == 0) {
            if (is_context) {
                s.context_ids[n] = id;
                s.rate_in[n] = span.rate * damping_in[id];
            } else {
                s.rate_out[c] = span.rate * damping_out[id];
            }
        }
    }
}

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// -log sigmoid(x)
__device__ __forceinline__ double log_loss(double x) {
    return (x < 0 ? -x : 0.0) + log1p(exp(x < 0 ? x : -x));
}

// The gradient of a score that stands for `weight` pairs of label 0 or 1; notes its loss.
__device__ __forceinline__ float score_gradient(float score, float weight, int label,
                                                const SpanRange& span, Counts& counts) {
    if (weight == 0) return 0;  // the score may come from a row that was never filled
    if (span.is_measured) counts.loss += weight * log_loss(label ? score : -score);
    return weight * (label - sigmoid(score));
}

__device__ __forceinline__ void note_score(Shared& s, int row, int column, float gradient) {
    s.by_row[row * SCORED + column] = gradient;
    s.by_column[column * SCORE_ROWS + row] = gradient;
}

// Gradients of a span whose rows are in shared memory, and their addition to the weights. Both
// models begin and end with no barrier: `train` has them.

#if !CBOW

__device__ void train_gathered(Shared& s, const SpanRange& span, float* W_in, float* W_out,
                               Counts& counts) {
    const u32* pairs = s.pairs + span.skipped;
    dots<COLUMNS>(s.contexts, span.rows, s.outputs, [&](int r, int c, float score) {
        bool is_target = c >= NOISE;
        float weight = is_target ? (float)(pairs[r] >> (c - NOISE) & 1)
                       : c < NEGATIVES ? span.ratio * __popc(pairs[r] & ~s.equal[c])
                                       : 0.0f;
        note_score(s, r, c, score_gradient(score, weight, is_target, span, counts));
    });
    __syncthreads();
    int ahead = span.center - span.row;  // context rows before the first centre word
    combine(
        span.rows, s.outputs,
        [&](int r) {
            int start = clip(r - ahead - WINDOW, 0, span.count);
            int stop = clip(r + 8 - ahead + WINDOW, start, span.count);
            return Range{NEGATIVES, NOISE + start, NOISE + stop};
        },
        Stored{s.by_column, SCORE_ROWS},
        [&](int r, int v, float4 sum) {
            add_to_global(row_of(W_in, s.context_ids[r]) + v, scaled(s.rate_in[r], sum));
        });
    combine(
        COLUMNS, s.contexts,
        [&](int c) {
            int start = c < NOISE ? 0 : clip(c - NOISE + ahead - WINDOW, 0, span.rows);
            int stop = c < NOISE ? span.rows : c - NOISE + 8 + ahead + WINDOW;
            return Range{0, start, clip(stop, start, span.rows)};
        },
        Stored{s.by_row, SCORED},
        [&](int c, int v, float4 sum) {
            if (is_used(c, span))
                add_to_global(row_of(W_out, s.output_ids[c]) + v, scaled(s.rate_out[c], sum));
        });
}

__device__ __forceinline__ int find_sizes(Shared&, const SpanRange&) { return 0; }

#else

// Turn the rows' bits around: the rows of each centre word. Returns how many centre words of this
// thread have any, which are CBOW's pairs.
__device__ int find_sizes(Shared& s, const SpanRange& span) {
    int found = 0;
    for (int b = threadIdx.x; b < span.count; b += THREADS) {
        int size = 0;
        for (int word = 0; word < ROW_WORDS; word++) {
            u32 bits = 0;
            for (int j = 0; j < 32 && word * 32 + j < span.rows; j++)
                bits |= (s.pairs[span.skipped + word * 32 + j] >> b & 1) << j;
            s.inside[b * ROW_WORDS + word] = bits;
            size += __popc(bits);
        }
        s.size[b] = size;
        found += size > 0;
    }
    return found;
}

__device__ void average_contexts(Shared& s, const SpanRange& span, int ahead) {
    const u32* pairs = s.pairs + span.skipped;
    combine(
        span.count, s.contexts,
        [&](int b) {
            int start = clip(b + ahead - WINDOW, 0, span.rows);
            return Range{0, start, clip(b + 8 + ahead + WINDOW, start, span.rows)};
        },
        Bits{pairs, 1},
        [&](int b, int v, float4 sum) {
            s.hidden[b * PITCH + v] = scaled(1.0f / (s.size[b] > 0 ? s.size[b] : 1), sum);
        });
}

// The gradient of each mean's score with its centre word; a warp a score.
__device__ void score_targets(Shared& s, const SpanRange& span, Counts& counts) {
    int lane = threadIdx.x % 32;
    for (int b = threadIdx.x / 32; b < span.count; b += WARPS) {
        float score = 0;
        for (int v = lane; v < VECTORS; v += 32)
            score += dot4(s.hidden[b * PITCH + v], s.outputs[(NOISE + b) * PITCH + v]);
        for (int step = 16; step > 0; step /= 2) score += __shfl_xor_sync(ALL, score, step);
        if (lane == 0) s.own[b] = score_gradient(score, s.size[b] > 0, 1, span, counts);
    }
}

__device__ void train_gathered(Shared& s, const SpanRange& span, float* W_in, float* W_out,
                               Counts& counts) {
    int ahead = span.center - span.row;  // context rows before the first centre word
    average_contexts(s, span, ahead);
    __syncthreads();
    score_targets(s, span, counts);
    dots<NOISE>(s.hidden, span.count, s.outputs, [&](int b, int c, float score) {
        bool counts_here = c < NEGATIVES && s.size[b] > 0 && !(s.equal[c] >> b & 1);
        float weight = counts_here ? span.ratio : 0.0f;
        note_score(s, b, c, score_gradient(score, weight, 0, span, counts));
    });
    __syncthreads();
    float4* gradients = s.contexts;  // of the means; the context rows have done their part
    combine(
        span.count, s.outputs, [&](int) { return Range{NEGATIVES, 0, 0}; },
        Stored{s.by_column, SCORE_ROWS},
        [&](int b, int v, float4 sum) {
            add_scaled(sum, s.own[b], s.outputs[(NOISE + b) * PITCH + v]);
            gradients[b * PITCH + v] = sum;
        });
    combine(
        NEGATIVES, s.hidden, [&](int) { return Range{0, 0, span.count}; },
        Stored{s.by_row, SCORED},
        [&](int c, int v, float4 sum) {
            add_to_global(row_of(W_out, s.output_ids[c]) + v, scaled(s.rate_out[c], sum));
        });
    for (int item = threadIdx.x; item < span.count * VECTORS; item += THREADS) {
        int b = item / VECTORS, v = item % VECTORS, c = NOISE + b;
        add_to_global(row_of(W_out, s.output_ids[c]) + v,
                      scaled(s.rate_out[c] * s.own[b], s.hidden[b * PITCH + v]));
    }
    __syncthreads();
    combine(
        span.rows, gradients,
        [&](int r) {
            int start = clip(r - ahead - WINDOW, 0, span.count);
            return Range{0, start, clip(r + 8 - ahead + WINDOW, start, span.count)};
        },
        Bits{s.inside, ROW_WORDS},
        [&](int r, int v, float4 sum) {
            add_to_global(row_of(W_in, s.context_ids[r]) + v, scaled(s.rate_in[r], sum));
        });
}

#endif

struct Tables {
    const uint2* noise;  // (V,): sampling.AliasTable.columns
    u32 words;           // V
    const float *damping_in, *damping_out;
    float lr_start, lr_end, length, ratio;
    u32 loss_every;
};

// Train one span; all threads of the block with the same arguments.
__device__ void train_span(Shared& s, const Corpus& corpus, const Tables& tables, i64 place,
                           int center, float* W_in, float* W_out, Counts& counts) {
    if (threadIdx.x == 0) {
        s.row_start = ROWS;
        s.row_stop = 0;
    }
    __syncthreads();  // and nobody needs the span before any more
    SpanRange span;
    span.position = place + corpus.shift;
    span.center = center;
    span.count = clip(s.own_stop - center, 0, CENTERS);
    span.row = center - WINDOW < s.reach_start ? s.reach_start : center - WINDOW;
    span.rows = clip(center + span.count + WINDOW, 0, s.reach_stop) - span.row;
    float done = fminf((float)span.position / tables.length, 1.0f);
    span.rate = tables.lr_start + (tables.lr_end - tables.lr_start) * done;
    span.ratio = tables.ratio;
    u64 random = random_bits(corpus.key, span.position, LANE_SPAN);
    span.is_measured = random % tables.loss_every == 0;
    int pairs = find_pairs(s, span);
    find_outputs(s, span, corpus.key, tables.noise, tables.words);
    __syncthreads();
    span.skipped = s.row_start;
    span.row += s.row_start;
    span.rows = s.row_stop - s.row_start;
    if (span.rows <= 0) {  // no centre word has a context
        __syncthreads();   // before the next span begins with new bounds
        return;
    }
    if (CBOW) pairs = find_sizes(s, span);
    counts.pairs += pairs;
    counts.measured += span.is_measured ? pairs : 0;
    gather(s, span, W_in, W_out, tables.damping_in, tables.damping_out);
    wait_for_copies();
    train_gathered(s, span, W_in, W_out, counts);
}

template <class Number>
__device__ void add_total(Number* total, Number number) {
    for (int step = 16; step > 0; step /= 2) number += __shfl_xor_sync(ALL, number, step);
    if (threadIdx.x % 32 == 0) atomicAdd(total, number);
}

// kernel.LaunchArguments has the same parameters in the same order.
// totals: pieces taken, words, pairs, measured pairs; all 0 at the start, as is *loss. The pieces
// are taken in steps of `spread` (prime to `pieces`), so that blocks work far from one another:
// neighbouring pieces repeat the same rare words.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
train(const int* ids, i64 ids_start, i64 ids_stop, i64 start, i64 stop, i64 pieces_start,
      i64 pieces, i64 spread, float* W_in, float* W_out, const u32* keep, const uint2* noise,
      u32 words, const float* damping_in, const float* damping_out, u64 key, i64 shift,
      float lr_start, float lr_end, float length, float ratio, u32 loss_every, u64* totals,
      double* loss) {
    extern __shared__ float4 shared_memory[];
    Shared& s = *(Shared*)shared_memory;
    Corpus corpus = {ids, ids_start, ids_stop, start, stop, keep, key, shift};
    Tables tables = {noise,  words,  damping_in, damping_out, lr_start,
                     lr_end, length, ratio,      loss_every};
    Counts counts = {0, 0, 0, 0.0};
    for (;;) {
        __syncthreads();  // the piece before is done
        if (threadIdx.x == 0) s.taken = atomicAdd(totals, 1ull);
        __syncthreads();
        if (s.taken >= (u64)pieces) break;
        i64 piece = pieces_start + (i64)(s.taken * spread % pieces) * PIECE;
        read_piece(s, corpus, piece, counts);
        for (int n = 0; WINDOW + n * CENTERS < s.own_stop; n++) {
            i64 place = piece + s.span_place[n];
            if (place >= start && place < stop)
                train_span(s, corpus, tables, place, WINDOW + n * CENTERS, W_in, W_out, counts);
        }
    }
    add_total(totals + 1, counts.words);
    add_total(totals + 2, counts.pairs);
    add_total(totals + 3, counts.measured);
    add_total(loss, counts.loss);
}
