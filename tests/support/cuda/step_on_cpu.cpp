// step.cu, with a rule in front of it, as a library for the CPU: `run_NAME` starts a kernel on
// `blocks` blocks with pointers to its arguments, as CUDA's own launch takes them.

#include "emulator.h"

#include <math.h>  // exp, fabs, log1p and sqrt for float and double
#include <tuple>
#include <utility>

#undef __shared__
#define __shared__ static  // blocks run one after the other
#include GENERATED

template <class... A, size_t... place>
static void run_with(void (*kernel)(A...), void** arguments, std::index_sequence<place...>) {
    kernel(*(A*)arguments[place]...);
}

template <class... A> static void run(void (*kernel)(A...), int blocks, void** arguments) {
    for (int block = 0; block < blocks; block++)
        emulator::run_block(THREADS, block, [&] {
            run_with(kernel, arguments, std::index_sequence_for<A...>());
        });
}

#define KERNEL(name) \
    extern "C" void run_##name(int blocks, void** arguments) { run(name, blocks, arguments); }
KERNEL(take_batch)
KERNEL(gradients)
KERNEL(norms)
KERNEL(update)
