// step.cu, with a rule in front of it, as a library for the CPU: `run_NAME` starts a kernel on
// `blocks` blocks with pointers to its arguments, as CUDA's own launch takes them.

#include "emulator.h"

#include <math.h>  // exp, fabs, log1p and sqrt for float and double
#include <utility>

#undef __shared__
#ifdef __ELF__  // whose linkers name the bounds of a section
#define __shared__ static __attribute__((section("shared_memory")))
extern char __start_shared_memory[], __stop_shared_memory[];
// A kernel finds arbitrary bytes in shared memory: they must not change the result.
static void forget() {
    std::memset(__start_shared_memory, 0xff, __stop_shared_memory - __start_shared_memory);
}
#else
#define __shared__ static
static void forget() {}
#endif

template <class T> static T __shfl_xor(T value, int mask, int) {  // HIP's name
    return emulator::from_lane(value, (threadIdx.x % 32) ^ mask);
}

#include GENERATED

template <class... A, size_t... place>
static void run_with(void (*kernel)(A...), void** arguments, std::index_sequence<place...>) {
    kernel(*(A*)arguments[place]...);
}

template <class... A> static void run(void (*kernel)(A...), int blocks, void** arguments) {
    for (int block = 0; block < blocks; block++) {
        forget();
        emulator::run_block(THREADS, block, [&] {
            run_with(kernel, arguments, std::index_sequence_for<A...>());
        });
    }
}

#define KERNEL(name) \
    extern "C" void run_##name(int blocks, void** arguments) { run(name, blocks, arguments); }
KERNEL(take_batch)
KERNEL(gradients)
KERNEL(norms)
KERNEL(update)
