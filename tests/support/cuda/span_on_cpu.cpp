// span.cu as a library for the CPU: `run` starts the kernel on `blocks` blocks.

#include "emulator.h"

float4 shared_memory[SHARED_BYTES / sizeof(float4)];

#include "span.cu"

extern "C" void run(int blocks, const int* ids, i64 ids_start, i64 ids_stop, i64 start,
                    i64 stop, i64 pieces_start, i64 pieces, i64 spread, float* W_in, float* W_out,
                    const u32* keep, const uint2* noise, u32 words, const float* damping_in,
                    const float* damping_out, u64 key, i64 shift, float lr_start, float lr_end,
                    float length, float ratio, u32 loss_every, u64* totals, double* loss) {
    for (int block = 0; block < blocks; block++) {
        // A kernel finds arbitrary bytes in shared memory: they must not change the result.
        std::memset(shared_memory, 0xff, sizeof shared_memory);
        emulator::run_block(THREADS, block, [&] {
            train(ids, ids_start, ids_stop, start, stop, pieces_start, pieces, spread, W_in, W_out,
                  keep, noise, words, damping_in, damping_out, key, shift, lr_start, lr_end, length,
                  ratio, loss_every, totals, loss);
        });
    }
}
