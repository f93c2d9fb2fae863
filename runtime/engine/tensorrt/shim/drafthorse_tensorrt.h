/* TensorRT behind a C interface, so that the program starts on machines without it.
 *
 * The library is compiled on the board against the headers of its JetPack
 * (`drafthorse engine shim`) and is opened at run time. Whoever changes a declaration here raises
 * DHT_ABI_VERSION; a program takes only the version that it was compiled with.
 *
 * Rules that hold for every function:
 * - A dht_status of DHT_OK means done. Otherwise a text of at most `capacity` bytes, its ending NUL
 *   among them, stands in `error`; it may be NULL with a capacity of 0.
 * - Nothing is thrown across this interface.
 * - A session is used by one thread at a time, though not always by the same one.
 */
#ifndef DRAFTHORSE_TENSORRT_H
#define DRAFTHORSE_TENSORRT_H

#include <stdint.h>

#define DHT_ABI_VERSION 2u
#define DHT_MAX_RANK 8

#if defined(__GNUC__)
#define DHT_API __attribute__((visibility("default")))
#else
#define DHT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t dht_status;
enum {
    DHT_OK = 0,
    /* TensorRT, CUDA or the memory failed; the text says how. */
    DHT_FAILED = 1,
    /* The progress callback ended the build. */
    DHT_CANCELLED = 2,
    /* The call does not fit the engine: no such tensor, a shape outside its profile. */
    DHT_UNFIT = 3
};

/* Types of elements. Truth values are bytes of 0 or 1. */
enum {
    DHT_F32 = 0,
    DHT_I64 = 1,
    DHT_I32 = 2,
    DHT_U8 = 3,
    DHT_I8 = 4,
    DHT_BOOL = 5,
    /* A type that has no place here. */
    DHT_OTHER = 6
};

/* What an engine depends on besides its model. */
typedef struct dht_versions {
    int32_t tensorrt[3];
    int32_t cuda[2];
    /* Compute capability of the device. */
    int32_t compute[2];
    int32_t dla_cores;
    /* "TensorRT", or what stands in for it. NUL-terminated, as the device's name. */
    char implementation[64];
    char device[256];
} dht_versions;

/* Called on phases and steps of a build, never twice at once, though from any thread. `step` of
 * `steps` are done. Any answer but 0 ends the build. */
typedef int32_t (*dht_progress)(void* context, const char* phase, int32_t step, int32_t steps);

/* Shapes that an input with dynamic axes may have: the engine is fastest at `opt`. Each holds
 * `rank` lengths. */
typedef struct dht_profile {
    const char* input;
    uint64_t rank;
    const int64_t* min;
    const int64_t* opt;
    const int64_t* max;
} dht_profile;

typedef struct dht_build_options {
    const void* onnx;
    uint64_t onnx_size;
    /* Times of kernels measured in earlier builds, or nothing. */
    const void* timing;
    uint64_t timing_size;
    /* TensorRT's calibration cache for INT8, or nothing. */
    const void* calibration;
    uint64_t calibration_size;
    const dht_profile* profiles;
    uint64_t profile_count;
    /* Bytes of scratch memory that kernels may take; 0 for what TensorRT takes by itself. */
    uint64_t workspace;
    int32_t device;
    /* Core of the deep learning accelerator, -1 for the GPU. What it cannot run, the GPU does. */
    int32_t dla_core;
    int32_t fp16;
    int32_t int8;
    dht_progress progress;
    void* progress_context;
} dht_build_options;

typedef struct dht_session_options {
    const void* engine;
    uint64_t engine_size;
    int32_t device;
    int32_t dla_core;
    /* Whether runs of unchanged shapes are replayed as one CUDA graph. */
    int32_t graphs;
} dht_session_options;

typedef struct dht_tensor {
    /* Lives as long as the session. */
    const char* name;
    int32_t is_input;
    int32_t dtype;
    int32_t rank;
    /* -1 for dynamic axes. */
    int64_t dims[DHT_MAX_RANK];
} dht_tensor;

typedef struct dht_blob dht_blob;
typedef struct dht_session dht_session;

DHT_API uint32_t dht_abi_version(void);

DHT_API dht_status dht_get_versions(int32_t device, dht_versions* versions, char* error,
                                    uint64_t capacity);

/* Builds an engine. `timing` gives the kernels' times for the next build, or NULL. */
DHT_API dht_status dht_build(const dht_build_options* options, dht_blob** engine,
                             dht_blob** timing, char* error, uint64_t capacity);

DHT_API const void* dht_blob_data(const dht_blob* blob);
DHT_API uint64_t dht_blob_size(const dht_blob* blob);
DHT_API void dht_blob_free(dht_blob* blob);

/* Opens a built engine; its bytes are not needed afterwards. */
DHT_API dht_status dht_session_open(const dht_session_options* options, dht_session** session,
                                    char* error, uint64_t capacity);
DHT_API void dht_session_close(dht_session* session);

/* Inputs and outputs, which all other calls name by their index. */
DHT_API uint64_t dht_session_count(const dht_session* session);
DHT_API dht_status dht_session_describe(const dht_session* session, uint64_t index,
                                        dht_tensor* tensor, char* error, uint64_t capacity);

/* Keeps a tensor on the device: it is not copied before or after runs and has no host memory. */
DHT_API dht_status dht_session_keep(dht_session* session, uint64_t index, char* error,
                                    uint64_t capacity);

/* Gives an input its shape and sets its elements to zero. */
DHT_API dht_status dht_session_set_shape(dht_session* session, uint64_t index, uint64_t rank,
                                         const int64_t* dims, char* error, uint64_t capacity);

/* Shape of an input, or of an output as of the last run. `dims` has room for DHT_MAX_RANK. */
DHT_API dht_status dht_session_shape(const dht_session* session, uint64_t index, uint64_t* rank,
                                     int64_t* dims, char* error, uint64_t capacity);

/* Host memory of a tensor, aligned for its type: of an input to fill, of an output to read. It moves
 * only with dht_session_set_shape of that input and with dht_session_run for outputs. */
DHT_API dht_status dht_session_host(const dht_session* session, uint64_t index, void** data,
                                    uint64_t* size, char* error, uint64_t capacity);

/* Copies inputs to the device, runs, copies outputs to the host, and waits. Where it fails, outputs
 * and their shapes are as before. */
DHT_API dht_status dht_session_run(dht_session* session, char* error, uint64_t capacity);

/* Copies entries of an input along an axis, and all of the other axes, into the output's memory: the
 * first `first` ones and those of the `count` ascending indices `then`, each `first` or more. Both are kept
 * on the device and have one type; the output has the shape of what was copied until the next run. */
DHT_API dht_status dht_session_gather(dht_session* session, uint64_t input, uint64_t output,
                                      uint64_t axis, uint64_t first, uint64_t count,
                                      const uint64_t* then, char* error, uint64_t capacity);

/* The input takes the output's memory and shape and gives it its own memory: nothing is copied. Both
 * are kept on the device and have one type. */
DHT_API dht_status dht_session_swap(dht_session* session, uint64_t input, uint64_t output,
                                    char* error, uint64_t capacity);

#ifdef __cplusplus
}
#endif

#endif
