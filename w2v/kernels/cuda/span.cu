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
// 1: products on tensor cores), BULK (0 or 1: rows are copied by the copy engine of sm_90) and
// SHARED_BYTES (of `Shared`, by which the host asks for memory).

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
constexpr int SCORE_ROWS = up(CBOW ? CENTERS : ROWS, TENSOR ? 16 : 8);
constexpr int SCORE_PITCH = SCORED + 4;                  // eight rows lie in different banks
constexpr int WORDS = PIECE + 2 * WINDOW;                // kept words of a piece and around it
constexpr int SPANS = (PIECE + CENTERS - 1) / CENTERS;
constexpr int ROW_WORDS = (ROWS + 31) / 32;              // 32-bit words with a bit for each row

struct Shared {
    float4 contexts[ROWS * PITCH];      // CBOW: later the gradients of the means
    float4 outputs[COLUMNS * PITCH];
    float4 hidden[CBOW ? CENTERS * PITCH : 1];
    float4 none;                        // 0, read instead of vectors beyond the end of a row
    alignas(16) float scores[SCORE_ROWS * SCORE_PITCH];  // their gradients: see `note_gradients`
    float own[CENTERS];                 // CBOW's, of each mean with its centre word
    float rate_in[ROWS];                // learning rate, damped
    float rate_out[COLUMNS];
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
    u64 arrived;                        // BULK: the barrier that counts copied bytes
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

struct Counts {       // of one thread in one launch
    u32 words, pairs, measured;
    u32 spans;        // whose rows were copied
    double loss;
};

__device__ __forceinline__ u64 random_bits(u64 key, i64 position, u64 lane) {  // rng.bits
    u64 x = key + (u64)position * 0x9E3779B97F4A7C15ull + lane * 0xD1B54A32D192ED03ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

__device__ __forceinline__ void add_dot(float& sum, float4 a, float4 b) {
    sum = fmaf(a.x, b.x, fmaf(a.y, b.y, fmaf(a.z, b.z, fmaf(a.w, b.w, sum))));
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

// As tensor cores take it, with 10 bits of fraction (tf32): to nearest, ties away from zero.
// Everything that is a factor in shared memory is rounded once, when it is written.
__device__ __forceinline__ float rounded(float x) {
#if !TENSOR
    return x;
#elif defined(__CUDA_ARCH__)
    return __uint_as_float((__float_as_uint(x) + 0x1000) & ~0x1fffu);
#else
    return emulator::to_tf32(x);
#endif
}

__device__ __forceinline__ float4 rounded(float4 x) {
    return make_float4(rounded(x.x), rounded(x.y), rounded(x.z), rounded(x.w));
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

#if BULK

// The copy engine (PTX, cp.async.bulk) takes a whole row by one instruction of one thread. A barrier
// in shared memory counts the bytes that have arrived: its phase ends when they are as many as
// expected, and phases are told apart by parity.

#ifdef __CUDA_ARCH__
__device__ __forceinline__ u32 shared_address(const void* place) {
    return (u32)__cvta_generic_to_shared(place);
}
#endif

// What threads have written to shared memory, the engine writes after them.
__device__ __forceinline__ void hand_to_engine() {
#ifdef __CUDA_ARCH__
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

__device__ __forceinline__ void start_barrier(u64* barrier) {
#ifdef __CUDA_ARCH__
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_address(barrier)) : "memory");
#else
    *barrier = 0;
#endif
    hand_to_engine();
}

__device__ __forceinline__ void expect_bytes(u64* barrier, u32 bytes) {
#ifdef __CUDA_ARCH__
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                 ::"r"(shared_address(barrier)), "r"(bytes) : "memory");
#else
    emulator::expect_bytes(barrier, bytes);
#endif
}

__device__ __forceinline__ void copy_bytes(u64* barrier, void* target, const void* source,
                                           u32 bytes) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        ::"r"(shared_address(target)), "l"(source), "r"(bytes), "r"(shared_address(barrier))
        : "memory");
#else
    emulator::copy_bytes(barrier, target, source, bytes);
#endif
}

__device__ __forceinline__ void wait_for_bytes(u64* barrier, u32 phase) {
#ifdef __CUDA_ARCH__
    u32 is_over;
    do {
        asm volatile(
            "{ .reg .pred over; mbarrier.try_wait.parity.shared::cta.b64 over, [%1], %2; "
            "selp.u32 %0, 1, 0, over; }"
            : "=r"(is_over) : "r"(shared_address(barrier)), "r"(phase % 2) : "memory");
    } while (!is_over);
#else
    emulator::wait_for_bytes(barrier, phase);
#endif
}

#endif

// Wait until what this thread has begun to copy is there.
__device__ __forceinline__ void wait_for_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
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

__device__ __forceinline__ void copy_row(float4* target, const float4* source, int lane) {
    for (int v = lane; v < VECTORS; v += 32) copy_vector(target + v, source + v);
}

__device__ __forceinline__ void round_row(float4* row, int lane) {
    for (int v = lane; v < VECTORS; v += 32) row[v] = rounded(row[v]);
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

// Scores and their gradients

// 2 to the power of x, and 1 / x: an instruction each, to two units in the last place.
__device__ __forceinline__ float power_of_two(float x) {
#ifdef __CUDA_ARCH__
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
    return power;
#else
    return exp2f(x);
#endif
}

__device__ __forceinline__ float reciprocal(float x) {
#ifdef __CUDA_ARCH__
    float result;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
#else
    return 1.0f / x;
#endif
}

__device__ __forceinline__ float sigmoid(float x) {
    constexpr float LOG2_E = 1.4426950409f;
    return reciprocal(1.0f + power_of_two(-LOG2_E * x));
}

// -log sigmoid(x)
__device__ __forceinline__ float log_loss(float x) {
    return fmaxf(-x, 0.0f) + log1pf(expf(-fabsf(x)));
}

// The gradient of a score that stands for `weight` pairs of label 0 or 1. Of weight 0, the score
// may come from a row that was never filled.
__device__ __forceinline__ float score_gradient(float score, float weight, int label) {
    float gradient = weight * (label - sigmoid(score));
    return weight != 0 ? gradient : 0.0f;
}

// Turn the scores of two rows and WIDE columns into gradients, in shared memory.
// weight(row, column): how many pairs a score stands for. Columns of targets have label 1.
template <int WIDE, class Weight>
__device__ __forceinline__ void note_gradients(Shared& s, int row, int row_step, int column,
                                               int column_step, const float (&scores)[2][WIDE],
                                               Weight weight) {
    float weights[2][WIDE];  // all are read before any gradient is written
#pragma unroll
    for (int i = 0; i < 2 * WIDE; i++)
        weights[i / WIDE][i % WIDE] =
            weight(row + i / WIDE * row_step, column + i % WIDE * column_step);
#pragma unroll
    for (int i = 0; i < 2 * WIDE; i++) {
        int r = row + i / WIDE * row_step, c = column + i % WIDE * column_step;
        float gradient =
            score_gradient(scores[i / WIDE][i % WIDE], weights[i / WIDE][i % WIDE], c >= NOISE);
        s.scores[r * SCORE_PITCH + c] = rounded(gradient);
    }
}

// This thread's part of the span's loss. Few spans are measured: their scores are computed again,
// one at a time, so that the others need neither code nor registers for it.
template <class Weight>
__device__ __forceinline__ double measure_loss(const Shared& s, const float4* x, int rows,
                                               Weight weight) {
    double loss = 0;
    for (int item = threadIdx.x; item < rows * COLUMNS; item += THREADS) {
        int row = item / COLUMNS, column = item % COLUMNS;
        float pairs = weight(row, column), score = 0;
        if (pairs == 0) continue;
#pragma unroll 2
        for (int v = 0; v < VECTORS; v++)
            add_dot(score, x[row * PITCH + v], s.outputs[column * PITCH + v]);
        loss += pairs * log_loss(column >= NOISE ? score : -score);
    }
    return loss;
}

// Products of matrices in shared memory.

// The factors of a sum, factor(m, k), for TALL of its rows m and STEP of its terms k at a time. On
// tensor cores a tile of 16 rows and eight terms, of which those from `terms` on are 0.

// scores[m][k]
struct ScoreRows {
    static constexpr int TALL = 8, STEP = 2;
    const float* scores;

    __device__ void add(int m, int k, const float4* x, float4 (&sums)[TALL]) const {
        float4 term = x[0], next = x[PITCH];
#pragma unroll
        for (int i = 0; i < TALL; i++) {
            float2 f = *(const float2*)(scores + (m + i) * SCORE_PITCH + k);
            add_scaled(sums[i], f.x, term);
            add_scaled(sums[i], f.y, next);
        }
    }

    __device__ void tile(int m, int k, int terms, float (&a)[4]) const;
};

// scores[k][m]
struct ScoreColumns {
    static constexpr int TALL = 8, STEP = 1;
    const float* scores;

    __device__ void add(int m, int k, const float4* x, float4 (&sums)[TALL]) const {
        const float4* source = (const float4*)(scores + k * SCORE_PITCH + m);
        float4 low = source[0], high = source[1], term = *x;
        float f[TALL] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
        for (int i = 0; i < TALL; i++) add_scaled(sums[i], f[i], term);
    }

    __device__ float one(int m, int k) const { return scores[k * SCORE_PITCH + m]; }
    __device__ void tile(int m, int k, int terms, float (&a)[4]) const;
};

// Bit m of the words of k
struct Bits {
    static constexpr int TALL = 4, STEP = 1;
    const u32* bits;
    int words;

    __device__ void add(int m, int k, const float4* x, float4 (&sums)[TALL]) const {
        u32 part = bits[k * words + m / 32] >> m % 32;
        float4 term = *x;
#pragma unroll
        for (int i = 0; i < TALL; i++) add_scaled(sums[i], part >> i & 1 ? 1.0f : 0.0f, term);
    }

    __device__ float one(int m, int k) const {
        return bits[k * words + m / 32] >> m % 32 & 1 ? 1.0f : 0.0f;
    }
    __device__ void tile(int m, int k, int terms, float (&a)[4]) const;
};

// Which of the k in a sum count, for the rows m..m + 7: all below `full`, then start..stop.
struct Range {
    int full, start, stop;
};

#if !TENSOR

// scores[m][n] = the gradient of x[m] . outputs[n], for m < rows and n < N; 2 x TILE a thread.
template <int N, class Weight>
__device__ __forceinline__ void score(Shared& s, const float4* x, int rows, Weight weight) {
    constexpr u32 GROUPS = N / TILE;
    u32 half = (rows + 1) / 2;
    for (u32 item = threadIdx.x; item < half * GROUPS; item += THREADS) {
        u32 row = item / GROUPS, column = item % GROUPS;
        const float4* x_1 = x + row * PITCH;
        const float4* x_2 = x + min((int)(row + half), rows - 1) * PITCH;  // beyond: of no weight
        const float4* y = s.outputs + column * PITCH;
        float sums[2][TILE] = {};
#pragma unroll 2
        for (int v = 0; v < VECTORS; v++) {
            float4 a_1 = x_1[v], a_2 = x_2[v];
#pragma unroll
            for (int i = 0; i < TILE; i++) {
                float4 b = y[i * GROUPS * PITCH + v];
                add_dot(sums[0][i], a_1, b);
                add_dot(sums[1][i], a_2, b);
            }
        }
        note_gradients(s, row, half, column, GROUPS, sums, weight);
    }
}

// finish(m, v, vector v of the sum of factor(m, k) * x[k]), for m < rows and k < terms; only the k
// in ranges(m) have a factor that is not 0. A vector of Factor::TALL rows a thread. Of two sums
// that do not wait for one another, the second begins with the threads that the first leaves idle.
template <class Ranges, class Factor, class Finish>
__device__ __forceinline__ void combine(int rows, const float4* x, int, Ranges ranges,
                                        Factor factor, Finish finish, bool is_second = false) {
    constexpr int TALL = Factor::TALL, STEP = Factor::STEP;
    u32 first = is_second ? (threadIdx.x + WARPS / 2 * 32) % THREADS : threadIdx.x;
    for (u32 item = first; item < (u32)(rows + TALL - 1) / TALL * VECTORS; item += THREADS) {
        int m = item / VECTORS * TALL, v = item % VECTORS;
        float4 sums[TALL];
#pragma unroll
        for (int i = 0; i < TALL; i++) sums[i] = make_float4(0, 0, 0, 0);
        Range range = ranges(m);
#pragma unroll (STEP == 1 ? 2 : 1)
        for (int k = 0; k < range.full; k += STEP) factor.add(m, k, x + k * PITCH + v, sums);
#pragma unroll (STEP == 1 ? 2 : 1)
        for (int k = range.start / STEP * STEP; k < range.stop; k += STEP)
            factor.add(m, k, x + k * PITCH + v, sums);
#pragma unroll
        for (int i = 0; i < TALL; i++)
            if (m + i < rows) finish(m + i, v, sums[i]);
    }
}

#else

// The same on tensor cores: a warp multiplies tiles of 16 x 8 by 8 x 8, whose factors are `rounded`
// already. What a lane holds of them (PTX, mma.m16n8k8): with group = lane / 4 and t = lane % 4, of
// the left rows group and group + 8 at k = t and t + 4, of the right column group at the same k, of
// the product rows group and group + 8 at columns 2t and 2t + 1.
__device__ __forceinline__ void multiply_tiles(float (&c)[4], const float (&a)[4], float b_1,
                                               float b_2) {
#ifdef __CUDA_ARCH__
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
          "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b_1)), "r"(__float_as_uint(b_2)));
#else
    emulator::multiply_tiles(c, a, {b_1, b_2});
#endif
}

// A place in shared memory, as `ldmatrix` takes it.
#ifdef __CUDA_ARCH__
typedef u32 Address;
__device__ __forceinline__ Address address_of(const float4* vector) {
    return (u32)__cvta_generic_to_shared(vector);
}
#else
typedef const float4* Address;
Address address_of(const float4* vector) { return vector; }
#endif

// Four matrices of 8 rows of four numbers (PTX, ldmatrix.x4). Each lane points to row lane % 8 of
// matrix lane / 8, some vectors after an address, and gets of each matrix number lane % 4 of row
// lane / 4.
__device__ __forceinline__ void load_matrices(float (&numbers)[4], Address row, int vectors) {
#ifdef __CUDA_ARCH__
    u32 bits[4];
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(bits[0]), "=r"(bits[1]), "=r"(bits[2]), "=r"(bits[3])
                 : "r"(row + 16 * vectors) : "memory");
#pragma unroll
    for (int i = 0; i < 4; i++) numbers[i] = __uint_as_float(bits[i]);
#else
    emulator::load_matrices(numbers, row + vectors);
#endif
}

// Where a lane points to for a left tile: rows, then the second four of its eight k.
__device__ __forceinline__ int left_row() { return threadIdx.x % 16; }
__device__ __forceinline__ int left_vector() { return threadIdx.x % 32 / 16; }

__device__ __forceinline__ void ScoreRows::tile(int m, int k, int, float (&a)[4]) const {
    Address row = address_of((const float4*)(scores + (m + left_row()) * SCORE_PITCH));
    load_matrices(a, row, k / 4 + left_vector());
}

template <class Factor>
__device__ void tile_of(const Factor& factor, int m, int k, int terms, float (&a)[4]) {
    int row = m + threadIdx.x % 32 / 4, k_1 = k + threadIdx.x % 4, k_2 = k_1 + 4;
    a[0] = k_1 < terms ? factor.one(row, k_1) : 0;
    a[1] = k_1 < terms ? factor.one(row + 8, k_1) : 0;
    a[2] = k_2 < terms ? factor.one(row, k_2) : 0;
    a[3] = k_2 < terms ? factor.one(row + 8, k_2) : 0;
}

__device__ void ScoreColumns::tile(int m, int k, int terms, float (&a)[4]) const {
    tile_of(*this, m, k, terms, a);
}

__device__ void Bits::tile(int m, int k, int terms, float (&a)[4]) const {
    tile_of(*this, m, k, terms, a);
}

// A tile of 16 rows and 8 columns a warp.
template <int N, class Weight>
__device__ __forceinline__ void score(Shared& s, const float4* x, int rows, Weight weight) {
    int lane = threadIdx.x % 32;
    for (int tile = threadIdx.x / 32; tile < (rows + 15) / 16 * (N / 8); tile += WARPS) {
        int m = tile / (N / 8) * 16, n = tile % (N / 8) * 8;
        // Rows beyond the last have no weight, vectors beyond a row's end are 0.
        Address none = address_of(&s.none);
        Address left = address_of(x + min(m + left_row(), rows - 1) * PITCH + left_vector());
        Address right = address_of(s.outputs + (n + lane % 8) * PITCH + lane / 8);
        float sums[2][4] = {};
#pragma unroll 4
        for (int v = 0; v < VECTORS; v += 4) {
            float a[2][4], b[4];
            bool is_in = v + left_vector() < VECTORS, is_in_2 = v + 2 + left_vector() < VECTORS;
            bool is_in_b = v + lane / 8 < VECTORS;
            load_matrices(a[0], is_in ? left : none, is_in ? v : 0);
            load_matrices(a[1], is_in_2 ? left : none, is_in_2 ? v + 2 : 0);
            load_matrices(b, is_in_b ? right : none, is_in_b ? v : 0);
            multiply_tiles(sums[0], a[0], b[0], b[1]);
            multiply_tiles(sums[1], a[1], b[2], b[3]);
        }
        float scores[2][2];
#pragma unroll
        for (int i = 0; i < 4; i++) scores[i / 2][i % 2] = sums[0][i] + sums[1][i];
        note_gradients(s, m + lane / 4, 8, n + lane % 4 * 2, 1, scores, weight);
    }
}

// A tile of 32 rows and eight vectors a warp. Vectors of x hold four columns each: right tile i has
// number i of eight vectors, in an order in which neighbouring lanes finish neighbouring vectors: 0,
// 4, 1, 5, 2, 6, 3, 7. Factors of rows beyond the last are read from what follows in shared memory,
// and their sums are not used.
template <class Ranges, class Factor, class Finish>
__device__ __forceinline__ void combine(int rows, const float4* x, int terms, Ranges, Factor factor,
                                        Finish finish, bool is_second = false) {
    constexpr int ACROSS = (VECTORS + 7) / 8;
    int group = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    int first = is_second ? (threadIdx.x / 32 + WARPS / 2) % WARPS : threadIdx.x / 32;
    for (int tile = first; tile < (rows + 31) / 32 * ACROSS; tile += WARPS) {
        int m = tile / ACROSS * 32, v = tile % ACROSS * 8;
        const float4* right = x + v + group / 2 + group % 2 * 4;
        float sums[2][4][4] = {};  // of 16 rows; for each of a vector's numbers
#pragma unroll (CBOW ? 1 : 2)
        for (int k = 0; k < terms; k += 8) {
            float4 b_1 = right[min(k + t, terms - 1) * PITCH];
            float4 b_2 = right[min(k + t + 4, terms - 1) * PITCH];
#pragma unroll
            for (int h = 0; h < 2; h++) {
                float a[4];
                factor.tile(m + 16 * h, k, terms, a);
                multiply_tiles(sums[h][0], a, b_1.x, b_2.x);
                multiply_tiles(sums[h][1], a, b_1.y, b_2.y);
                multiply_tiles(sums[h][2], a, b_1.z, b_2.z);
                multiply_tiles(sums[h][3], a, b_1.w, b_2.w);
            }
        }
#pragma unroll
        for (int i = 0; i < 8; i++) {
            float(&c)[4][4] = sums[i / 4];
            int row = m + i / 2 * 8 + group, vector = v + i % 2 * 4 + t, at = i % 4;
            if (row < rows && vector < VECTORS)
                finish(row, vector, make_float4(c[0][at], c[1][at], c[2][at], c[3][at]));
        }
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
#pragma unroll 1
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
#pragma unroll 1
    for (int c = THREADS - 1 - threadIdx.x; c < COLUMNS; c += THREADS) {  // rows go to the others
        int id = s.ids[span.center];  // of columns that pad: any row whose numbers are finite
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

// Begin to copy the span's rows into shared memory: a thread a row by the engine, a warp otherwise.
__device__ __forceinline__ void copy_rows(Shared& s, const SpanRange& span, float* W_in,
                                          float* W_out) {
#if BULK
    constexpr u32 BYTES = VECTORS * sizeof(float4);
    if (threadIdx.x == 0) expect_bytes(&s.arrived, (span.rows + COLUMNS) * BYTES);
    int first = threadIdx.x % 32 * WARPS + threadIdx.x / 32;  // lanes of a warp take turns
    for (int r = first; r < span.rows; r += THREADS)
        copy_bytes(&s.arrived, s.contexts + r * PITCH, row_of(W_in, s.ids[span.row + r]), BYTES);
    for (int c = first; c < COLUMNS; c += THREADS)
        copy_bytes(&s.arrived, s.outputs + c * PITCH, row_of(W_out, s.output_ids[c]), BYTES);
#else
    int lane = threadIdx.x % 32;
    for (int r = threadIdx.x / 32; r < span.rows; r += WARPS)
        copy_row(s.contexts + r * PITCH, row_of(W_in, s.ids[span.row + r]), lane);
    for (int c = threadIdx.x / 32; c < COLUMNS; c += WARPS)
        copy_row(s.outputs + c * PITCH, row_of(W_out, s.output_ids[c]), lane);
#endif
}

// Copy the span's rows, and note the learning rate of each. The rates are read after all copies
// have begun, so that one wait serves for both. phase: spans before this one.
__device__ void gather(Shared& s, const SpanRange& span, float* W_in, float* W_out,
                       const float* damping_in, const float* damping_out, u32 phase) {
    copy_rows(s, span, W_in, W_out);
    for (int n = threadIdx.x; n < span.rows + COLUMNS; n += THREADS) {
        int c = n - span.rows;
        float damping = c < 0 ? damping_in[s.ids[span.row + n]] : damping_out[s.output_ids[c]];
        *(c < 0 ? s.rate_in + n : s.rate_out + c) = span.rate * damping;
    }
#if BULK
    wait_for_bytes(&s.arrived, phase);
#else
    wait_for_copies();
#endif
    if (TENSOR) {  // each thread what it has waited for
        int lane = threadIdx.x % 32;
        for (int r = threadIdx.x / 32; r < span.rows; r += WARPS)
            round_row(s.contexts + r * PITCH, lane);
        for (int c = threadIdx.x / 32; c < COLUMNS; c += WARPS)
            round_row(s.outputs + c * PITCH, lane);
    }
}

// Gradients of a span whose rows are in shared memory, and their addition to the weights. Both
// models begin and end with no barrier: `train` has them.

#if !CBOW

__device__ void train_gathered(Shared& s, const SpanRange& span, float* W_in, float* W_out,
                               Counts& counts) {
    const u32* pairs = s.pairs + span.skipped;
    auto weight = [&](int r, int c) {
        u32 bits = r < span.rows ? pairs[r] : 0;
        return c >= NOISE      ? (float)(bits >> (c - NOISE) & 1)
               : c < NEGATIVES ? span.ratio * __popc(bits & ~s.equal[c])
                               : 0.0f;
    };
    score<COLUMNS>(s, s.contexts, span.rows, weight);
    if (span.is_measured) counts.loss += measure_loss(s, s.contexts, span.rows, weight);
    __syncthreads();
    int ahead = span.center - span.row;  // context rows before the first centre word
    combine(
        span.rows, s.outputs, COLUMNS,
        [&](int r) {
            int start = clip(r - ahead - WINDOW, 0, span.count);
            int stop = clip(r + 8 - ahead + WINDOW, start, span.count);
            return Range{NEGATIVES, NOISE + start, NOISE + stop};
        },
        ScoreRows{s.scores},
        [&](int r, int v, float4 sum) {
            add_to_global(row_of(W_in, s.ids[span.row + r]) + v, scaled(s.rate_in[r], sum));
        });
    combine(
        COLUMNS, s.contexts, span.rows,
        [&](int c) {
            int start = c < NOISE ? 0 : clip(c - NOISE + ahead - WINDOW, 0, span.rows);
            int stop = c < NOISE ? span.rows : c - NOISE + 8 + ahead + WINDOW;
            return Range{0, start, clip(stop, start, span.rows)};
        },
        ScoreColumns{s.scores},
        [&](int c, int v, float4 sum) {
            if (is_used(c, span))
                add_to_global(row_of(W_out, s.output_ids[c]) + v, scaled(s.rate_out[c], sum));
        });
}

__device__ __forceinline__ int find_sizes(Shared&, const SpanRange&) { return 0; }

#else

// Turn the rows' bits around: the rows of each centre word, a warp a centre word. Returns how many
// centre words of this thread have any, which are CBOW's pairs.
__device__ int find_sizes(Shared& s, const SpanRange& span) {
    int lane = threadIdx.x % 32, found = 0;
    for (int b = threadIdx.x / 32; b < span.count; b += WARPS) {
        int size = 0;
#pragma unroll
        for (int word = 0; word < ROW_WORDS; word++) {
            int r = word * 32 + lane;
            bool is_pair = r < span.rows && (s.pairs[span.skipped + r] >> b & 1);
            u32 bits = __ballot_sync(ALL, is_pair);
            if (lane == 0) s.inside[b * ROW_WORDS + word] = bits;
            size += __popc(bits);
        }
        if (lane == 0) {
            s.size[b] = size;
            found += size > 0;
        }
    }
    return found;
}

__device__ void average_contexts(Shared& s, const SpanRange& span, int ahead) {
    const u32* pairs = s.pairs + span.skipped;
    combine(
        span.count, s.contexts, span.rows,
        [&](int b) {
            int start = clip(b + ahead - WINDOW, 0, span.rows);
            return Range{0, start, clip(b + Bits::TALL + ahead + WINDOW, start, span.rows)};
        },
        Bits{pairs, 1},
        [&](int b, int v, float4 sum) {
            s.hidden[b * PITCH + v] = rounded(scaled(1.0f / (s.size[b] > 0 ? s.size[b] : 1), sum));
        });
}

// The gradient of each mean's score with its centre word; a warp a score.
__device__ void score_targets(Shared& s, const SpanRange& span) {
    int lane = threadIdx.x % 32;
    for (int b = threadIdx.x / 32; b < span.count; b += WARPS) {
        float score = 0;
        for (int v = lane; v < VECTORS; v += 32)
            add_dot(score, s.hidden[b * PITCH + v], s.outputs[(NOISE + b) * PITCH + v]);
        for (int step = 16; step > 0; step /= 2) score += __shfl_xor_sync(ALL, score, step);
        if (lane == 0) s.own[b] = score_gradient(score, s.size[b] > 0, 1);
    }
}

__device__ void train_gathered(Shared& s, const SpanRange& span, float* W_in, float* W_out,
                               Counts& counts) {
    int ahead = span.center - span.row;  // context rows before the first centre word
    average_contexts(s, span, ahead);
    __syncthreads();
    auto weight = [&](int b, int c) {
        if (b >= span.count || s.size[b] == 0) return 0.0f;
        if (c >= NOISE) return c - NOISE == b ? 1.0f : 0.0f;
        return c < NEGATIVES && !(s.equal[c] >> b & 1) ? span.ratio : 0.0f;
    };
    score_targets(s, span);
    score<NOISE>(s, s.hidden, span.count, weight);
    if (span.is_measured) counts.loss += measure_loss(s, s.hidden, span.count, weight);
    __syncthreads();
    float4* gradients = s.contexts;  // of the means; the context rows have done their part
    combine(
        span.count, s.outputs, NOISE, [&](int) { return Range{NEGATIVES, 0, 0}; },
        ScoreRows{s.scores},
        [&](int b, int v, float4 sum) {
            add_scaled(sum, s.own[b], s.outputs[(NOISE + b) * PITCH + v]);
            gradients[b * PITCH + v] = rounded(sum);
        });
    combine(
        NEGATIVES, s.hidden, span.count, [&](int) { return Range{0, 0, span.count}; },
        ScoreColumns{s.scores},
        [&](int c, int v, float4 sum) {
            add_to_global(row_of(W_out, s.output_ids[c]) + v, scaled(s.rate_out[c], sum));
        },
        true);
    for (int item = threadIdx.x; item < span.count * VECTORS; item += THREADS) {
        int b = item / VECTORS, v = item % VECTORS, c = NOISE + b;
        add_to_global(row_of(W_out, s.output_ids[c]) + v,
                      scaled(s.rate_out[c] * s.own[b], s.hidden[b * PITCH + v]));
    }
    __syncthreads();
    combine(
        span.rows, gradients, span.count,
        [&](int r) {
            int start = clip(r - ahead - WINDOW, 0, span.count);
            return Range{0, start, clip(r + Bits::TALL - ahead + WINDOW, start, span.count)};
        },
        Bits{s.inside, ROW_WORDS},
        [&](int r, int v, float4 sum) {
            add_to_global(row_of(W_in, s.ids[span.row + r]) + v, scaled(s.rate_in[r], sum));
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
#if BULK
    hand_to_engine();
#endif
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
    gather(s, span, W_in, W_out, tables.damping_in, tables.damping_out, counts.spans++);
    __syncthreads();
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
    Counts counts = {0, 0, 0, 0, 0.0};
#if BULK
    if (threadIdx.x == 0) start_barrier(&s.arrived);
#endif
    if (threadIdx.x == 0) s.none = make_float4(0, 0, 0, 0);
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
    add_total(totals + 1, (u64)counts.words);
    add_total(totals + 2, (u64)counts.pairs);
    add_total(totals + 3, (u64)counts.measured);
    add_total(loss, counts.loss);
}
