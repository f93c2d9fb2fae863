// The kernels compiled for the processor: each launch runs its threads one after the other.
#include <cmath>
#include <cstring>
#include <utility>

struct Index {
    unsigned x;
};
static Index blockIdx, blockDim, threadIdx;
#define __global__
#include "../src/kernels.cu"

template <class... A, std::size_t... I>
static void run(void (*kernel)(A...), int threads, void **arguments, std::index_sequence<I...>) {
    blockDim.x = 128;
    for (int thread = 0; thread < (threads + 127) / 128 * 128; ++thread) {
        blockIdx.x = thread / 128;
        threadIdx.x = thread % 128;
        kernel(*static_cast<std::remove_reference_t<A> *>(arguments[I])...);
    }
}

template <class... A> static void call(void (*kernel)(A...), int threads, void **arguments) {
    run(kernel, threads, arguments, std::index_sequence_for<A...>{});
}

extern "C" int launch(const char *name, int threads, void **arguments) {
#define KERNEL(k)                                                                                  \
    if (!std::strcmp(name, #k)) {                                                                  \
        call(k, threads, arguments);                                                               \
        return 0;                                                                                  \
    }
    KERNEL(neighbours)
    KERNEL(dense)
    KERNEL(layer_norm)
    KERNEL(scores)
    KERNEL(softmax)
    KERNEL(mix)
    KERNEL(add)
    KERNEL(gelu)
    KERNEL(join)
    KERNEL(ellipses)
    KERNEL(blend)
    KERNEL(stem)
    return 1;
}
