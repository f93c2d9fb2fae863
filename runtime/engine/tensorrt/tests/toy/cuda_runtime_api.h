// A toy of CUDA's runtime for tests: memory of the host, work that is done at once, and captures that
// are lists of work. Only what the library uses is here.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
constexpr unsigned cudaStreamNonBlocking = 1;

using ToyWork = std::function<void()>;
struct ToyGraph {
    std::vector<ToyWork> work;
};
struct ToyStream {
    ToyGraph* capture = nullptr;
    void take(ToyWork work) {
        if (capture != nullptr) {
            capture->work.push_back(std::move(work));
        } else {
            work();
        }
    }
};
using cudaStream_t = ToyStream*;
using cudaGraph_t = ToyGraph*;
using cudaGraphExec_t = ToyGraph*;

// Told in the device's name.
inline int toy_launches = 0;

struct cudaDeviceProp {
    char name[256];
    int major;
    int minor;
};

inline char const* cudaGetErrorString(cudaError_t) { return "a toy's error"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidValue; }
inline cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = 12060;
    return cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int device) {
    std::snprintf(found->name, sizeof found->name, "toy, %d graphs launched", toy_launches);
    found->major = 8;
    found->minor = 7;
    return cudaSetDevice(device);
}

// Filled with what is no zero, so that memory that was not cleared is seen.
inline cudaError_t toy_allocate(void** data, std::size_t size) {
    *data = std::malloc(size);
    if (*data == nullptr) {
        return cudaErrorMemoryAllocation;
    }
    std::memset(*data, 0x5a, size);
    return cudaSuccess;
}
inline cudaError_t toy_release(void* data) {
    std::free(data);
    return cudaSuccess;
}
inline cudaError_t cudaMalloc(void** data, std::size_t size) { return toy_allocate(data, size); }
inline cudaError_t cudaMallocHost(void** data, std::size_t size) { return toy_allocate(data, size); }
inline cudaError_t cudaFree(void* data) { return toy_release(data); }
inline cudaError_t cudaFreeHost(void* data) { return toy_release(data); }

inline cudaError_t cudaMemcpyAsync(void* to, void const* from, std::size_t size, cudaMemcpyKind,
                                   cudaStream_t stream) {
    stream->take([=] { std::memcpy(to, from, size); });
    return cudaSuccess;
}
inline cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, void const* from, std::size_t from_pitch,
                                     std::size_t width, std::size_t height, cudaMemcpyKind,
                                     cudaStream_t stream) {
    stream->take([=] {
        for (std::size_t row = 0; row < height; ++row) {
            std::memcpy(static_cast<char*>(to) + row * to_pitch,
                        static_cast<char const*>(from) + row * from_pitch, width);
        }
    });
    return width <= to_pitch && width <= from_pitch ? cudaSuccess : cudaErrorInvalidValue;
}
inline cudaError_t cudaMemsetAsync(void* data, int value, std::size_t size, cudaStream_t stream) {
    stream->take([=] { std::memset(data, value, size); });
    return cudaSuccess;
}

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = new ToyStream;
    return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete stream;
    return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    stream->capture = new ToyGraph;
    return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    *graph = stream->capture;
    stream->capture = nullptr;
    return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
    *made = new ToyGraph(*graph);
    return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
    delete graph;
    return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
    ++toy_launches;
    for (ToyWork const& work : graph->work) {
        stream->take(work);
    }
    return cudaSuccess;
}
