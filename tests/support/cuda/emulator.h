// Runs a CUDA kernel on a CPU, so that the source that ships is tested without a GPU.
//
// The threads of a block are fibers, switched at barriers and warp operations only; blocks run one
// after the other. A fiber that waits for others hands over to the next, in an order that the
// environment's EMULATOR_ORDER shuffles if it is a number: where a barrier is missing, another order
// gives another result. Included before the .cu.

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

using std::size_t;

#define __device__
#define __global__
#define __shared__
#define __forceinline__ inline
#define __noinline__
#define __launch_bounds__(...)

struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(8) float2 { float x, y; };
struct Index { int x; };
static Index threadIdx, blockIdx;
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace emulator {

struct Group {  // threads that meet at a barrier
    int size = 0, arrived = 0;
    long rounds = 0;
};

static const int MOST_THREADS = 1024;
static ucontext_t scheduler, fibers[MOST_THREADS];
static std::vector<char> stacks[MOST_THREADS];
static bool is_done[MOST_THREADS];
static unsigned long long lane_value[MOST_THREADS];
static Group block, warps[MOST_THREADS / 32];
static std::function<void()> body;

static void hand_over() {
    int self = threadIdx.x;
    swapcontext(&fibers[self], &scheduler);
    threadIdx.x = self;
}

static void meet(Group& group) {
    long round = group.rounds;
    if (++group.arrived == group.size) {
        group.arrived = 0;
        group.rounds++;
    }
    while (group.rounds == round) hand_over();
}

static Group& my_warp() { return warps[threadIdx.x / 32]; }

template <class T> static T from_lane(T value, int lane) {
    int self = threadIdx.x;
    std::memcpy(&lane_value[self], &value, sizeof value);
    meet(my_warp());
    T result;
    std::memcpy(&result, &lane_value[self / 32 * 32 + lane], sizeof result);
    meet(my_warp());  // before anyone writes the next value
    return result;
}

// 10 bits of fraction, rounded to nearest, ties away from zero; as it is with EMULATOR_EXACT, which
// shows whether all but the rounding is right.
static float to_tf32(float x) {
    if (std::getenv("EMULATOR_EXACT")) return x;
    unsigned bits;
    std::memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x1000) & ~0x1fffu;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

// PTX's mma.m16n8k8 for tf32.
static void multiply_tiles(float (&c)[4], const float (&a)[4], const float (&b)[2]) {
    static float left[MOST_THREADS][4], right[MOST_THREADS][2];
    int self = threadIdx.x, lane = self % 32, first = self - lane;
    for (int i = 0; i < 4; i++) left[self][i] = to_tf32(a[i]);
    for (int i = 0; i < 2; i++) right[self][i] = to_tf32(b[i]);
    meet(my_warp());
    for (int i = 0; i < 4; i++) {
        int group = lane / 4, column = lane % 4 * 2 + i % 2;
        for (int k = 0; k < 8; k++)
            c[i] += left[first + group * 4 + k % 4][k / 4 * 2 + i / 2] *
                    right[first + column * 4 + k % 4][k / 4];
    }
    meet(my_warp());  // before anyone writes the next ones
}

// PTX's ldmatrix.x4 for matrices of 8 rows of 16 bytes.
static void load_matrices(float (&numbers)[4], const float4* row) {
    static const float* rows[MOST_THREADS];
    int self = threadIdx.x, lane = self % 32, first = self - lane;
    rows[self] = (const float*)row;
    meet(my_warp());
    for (int i = 0; i < 4; i++) numbers[i] = rows[first + 8 * i + lane / 4][lane % 4];
    meet(my_warp());
}

// PTX's mbarrier as cp.async.bulk uses it: phases in the high half, bytes on their way in the low.
static void end_phase(unsigned long long* barrier, int bytes, int arrivals) {
    auto* half = (int*)barrier;
    half[0] += bytes;
    static int awaited;  // of the phase's one arrival
    awaited = arrivals ? 1 : awaited;
    if (half[0] == 0 && awaited) {
        awaited = 0;
        half[1]++;
    }
}
static void expect_bytes(unsigned long long* barrier, unsigned bytes) {
    end_phase(barrier, bytes, 1);
}
static void copy_bytes(unsigned long long* barrier, void* target, const void* source,
                       unsigned bytes) {
    if ((size_t)target % 16 || (size_t)source % 16 || bytes % 16) std::abort();
    std::memcpy(target, source, bytes);
    end_phase(barrier, -(int)bytes, 0);
}
static void wait_for_bytes(unsigned long long* barrier, unsigned phase) {
    while (((int*)barrier)[1] != (int)phase + 1) hand_over();
}

static void start(int thread) {
    threadIdx.x = thread;
    body();
    is_done[thread] = true;
}

// Run one block of a kernel. Aborts if threads wait for one another for ever.
static void run_block(int threads, int number, std::function<void()> kernel) {
    body = kernel;
    blockIdx.x = number;
    block = Group{threads};
    for (int w = 0; w < threads / 32; w++) warps[w] = Group{32};
    for (int t = 0; t < threads; t++) {
        stacks[t].resize(1 << 16);
        getcontext(&fibers[t]);
        fibers[t].uc_stack.ss_sp = stacks[t].data();
        fibers[t].uc_stack.ss_size = stacks[t].size();
        fibers[t].uc_link = &scheduler;
        is_done[t] = false;
        makecontext(&fibers[t], (void (*)())start, 1, t);
    }
    std::vector<int> order(threads);
    for (int t = 0; t < threads; t++) order[t] = t;
    const char* seed = std::getenv("EMULATOR_ORDER");
    std::mt19937 random(seed ? std::atoi(seed) : 0);
    int left = threads;
    for (long idle = 0; left > 0; idle++) {
        int before = left;
        if (seed) std::shuffle(order.begin(), order.end(), random);
        for (int t : order) {
            if (is_done[t]) continue;
            threadIdx.x = t;
            swapcontext(&scheduler, &fibers[t]);
            left -= is_done[t];
        }
        static long rounds_before;
        long rounds = block.rounds;
        for (int w = 0; w < threads / 32; w++) rounds += warps[w].rounds;
        if (left < before || rounds != rounds_before) idle = 0;
        rounds_before = rounds;
        if (idle > 3) {
            std::fprintf(stderr, "the threads of a block wait for one another for ever\n");
            std::abort();
        }
    }
}

}  // namespace emulator

static inline void __syncthreads() { emulator::meet(emulator::block); }

static inline unsigned __ballot_sync(unsigned, bool vote) {
    unsigned bits = 0;
    int first = threadIdx.x / 32 * 32;
    emulator::lane_value[threadIdx.x] = vote;
    emulator::meet(emulator::my_warp());
    for (int lane = 0; lane < 32; lane++) bits |= (unsigned)emulator::lane_value[first + lane] << lane;
    emulator::meet(emulator::my_warp());
    return bits;
}

template <class T> static T __shfl_xor_sync(unsigned, T value, int mask) {
    return emulator::from_lane(value, (threadIdx.x % 32) ^ mask);
}

static inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
using std::max;
using std::min;
template <class T> static T __ldcg(const T* source) { return *source; }

template <class T> static T atomicAdd(T* target, T value) {
    T before = *target;
    *target += value;
    return before;
}
static inline int atomicMin(int* target, int value) {
    int before = *target;
    if (value < before) *target = value;
    return before;
}
static inline int atomicMax(int* target, int value) {
    int before = *target;
    if (value > before) *target = value;
    return before;
}
