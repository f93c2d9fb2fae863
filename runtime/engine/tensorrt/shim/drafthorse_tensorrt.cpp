// The C interface of drafthorse_tensorrt.h over TensorRT 10 and later.

#include "drafthorse_tensorrt.h"

#include <NvInfer.h>
#include <NvOnnxParser.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#if NV_TENSORRT_MAJOR < 10
#error "TensorRT 10 or newer is needed: JetPack 6.1 or newer"
#endif

namespace {

// What TensorRT says. It keeps the first logger that it is given for the whole process, so there is
// one, which is never destroyed. A call reads what was said since it began.
class Log final : public nvinfer1::ILogger {
public:
    void log(Severity severity, char const* text) noexcept override {
        if (severity > Severity::kERROR) {
            return;
        }
        try {
            std::lock_guard<std::mutex> guard(lock_);
            said_.emplace_back(++last_, text);
            if (said_.size() > kKept) {
                said_.pop_front();
            }
        } catch (...) {
            // An error that cannot be kept is lost; the call that caused it fails all the same.
        }
    }

    uint64_t mark() {
        std::lock_guard<std::mutex> guard(lock_);
        return last_;
    }

    std::string since(uint64_t mark) {
        std::lock_guard<std::mutex> guard(lock_);
        std::string text;
        for (auto const& [number, line] : said_) {
            if (number > mark) {
                text += text.empty() ? "" : "; ";
                text += line;
            }
        }
        return text;
    }

private:
    static constexpr std::size_t kKept = 16;
    std::mutex lock_;
    std::deque<std::pair<uint64_t, std::string>> said_;
    uint64_t last_ = 0;
};

Log& log_of_process() {
    static Log* const log = new Log;
    return *log;
}

// A failure on its way to the caller's buffer.
class Failure : public std::runtime_error {
public:
    Failure(dht_status status, std::string const& text) : std::runtime_error(text), status_(status) {}
    dht_status status() const noexcept { return status_; }

private:
    dht_status status_;
};

void write_error(char* error, uint64_t capacity, char const* text) noexcept {
    if (error == nullptr || capacity == 0) {
        return;
    }
    std::size_t const length = std::min<std::size_t>(std::strlen(text), capacity - 1);
    std::memcpy(error, text, length);
    error[length] = '\0';
}

// Runs the body of a function of the interface: all that it throws becomes a status and a text.
template <typename Body>
dht_status guarded(char* error, uint64_t capacity, Body&& body) noexcept {
    try {
        uint64_t const mark = log_of_process().mark();
        try {
            body();
            return DHT_OK;
        } catch (Failure const& failure) {
            std::string const said = log_of_process().since(mark);
            std::string const text = said.empty() ? failure.what() : failure.what() + (": " + said);
            write_error(error, capacity, text.c_str());
            return failure.status();
        }
    } catch (std::exception const& other) {
        write_error(error, capacity, other.what());
    } catch (...) {
        write_error(error, capacity, "an exception of an unknown type");
    }
    return DHT_FAILED;
}

void check(cudaError_t result, char const* what) {
    if (result != cudaSuccess) {
        throw Failure(DHT_FAILED, std::string(what) + " failed: " + cudaGetErrorString(result));
    }
}

void require(bool holds, dht_status status, std::string const& text) {
    if (!holds) {
        throw Failure(status, text);
    }
}

// Passes TensorRT's progress on, one call at a time, and remembers that a build was cancelled.
class Progress final : public nvinfer1::IProgressMonitor {
public:
    Progress(dht_progress callback, void* context) : callback_(callback), context_(context) {}

    void phaseStart(char const* phase, char const*, int32_t steps) noexcept override {
        tell(phase, [&] { steps_[phase] = steps; return 0; });
    }

    bool stepComplete(char const* phase, int32_t step) noexcept override {
        return tell(phase, [&] { return step + 1; });
    }

    void phaseFinish(char const* phase) noexcept override {
        tell(phase, [&] { return steps_[phase]; });
    }

    bool cancelled() noexcept {
        std::lock_guard<std::mutex> guard(lock_);
        return cancelled_;
    }

private:
    // `done` gives how many steps are done. Whether the build goes on comes back.
    template <typename Done>
    bool tell(char const* phase, Done&& done) noexcept {
        try {
            std::lock_guard<std::mutex> guard(lock_);
            int32_t const step = done();
            if (!cancelled_ && callback_ != nullptr) {
                cancelled_ = callback_(context_, phase, step, steps_[phase]) != 0;
            }
            return !cancelled_;
        } catch (...) {
            return true;
        }
    }

    dht_progress callback_;
    void* context_;
    std::mutex lock_;
    std::map<std::string, int32_t> steps_;
    bool cancelled_ = false;
};

#if NV_TENSORRT_MAJOR < 11
// Scales come from a calibration cache; there are no pictures to measure them with here.
class Calibration final : public nvinfer1::IInt8EntropyCalibrator2 {
public:
    Calibration(void const* text, std::size_t size) : text_(text), size_(size) {}
    int32_t getBatchSize() const noexcept override { return 1; }
    bool getBatch(void**, char const**, int32_t) noexcept override { return false; }
    void const* readCalibrationCache(std::size_t& length) noexcept override {
        length = size_;
        return text_;
    }
    void writeCalibrationCache(void const*, std::size_t) noexcept override {}

private:
    void const* text_;
    std::size_t size_;
};
#endif

nvinfer1::Dims dims_of(uint64_t rank, int64_t const* lengths) {
    nvinfer1::Dims dims{};
    require(rank <= DHT_MAX_RANK && rank <= nvinfer1::Dims::MAX_DIMS, DHT_UNFIT,
            std::to_string(rank) + " axes are too many");
    dims.nbDims = static_cast<int32_t>(rank);
    std::copy_n(lengths, rank, dims.d);
    return dims;
}

std::string words(nvinfer1::Dims const& dims) {
    std::string text = "[";
    for (int32_t axis = 0; axis < dims.nbDims; ++axis) {
        text += (axis == 0 ? "" : ", ") + std::to_string(dims.d[axis]);
    }
    return text + "]";
}

bool same(nvinfer1::Dims const& a, nvinfer1::Dims const& b) {
    return a.nbDims == b.nbDims && std::equal(a.d, a.d + std::max(a.nbDims, 0), b.d);
}

int32_t dtype_of(nvinfer1::DataType type) {
    switch (type) {
    case nvinfer1::DataType::kFLOAT: return DHT_F32;
    case nvinfer1::DataType::kINT64: return DHT_I64;
    case nvinfer1::DataType::kINT32: return DHT_I32;
    case nvinfer1::DataType::kUINT8: return DHT_U8;
    case nvinfer1::DataType::kINT8: return DHT_I8;
    case nvinfer1::DataType::kBOOL: return DHT_BOOL;
    default: return DHT_OTHER;
    }
}

std::size_t size_of(int32_t dtype) {
    switch (dtype) {
    case DHT_I64: return 8;
    case DHT_F32:
    case DHT_I32: return 4;
    default: return 1;
    }
}

// Memory that grows and never shrinks, so that a length that grows step by step seldom allocates.
template <cudaError_t (*Allocate)(void**, std::size_t), cudaError_t (*Release)(void*)>
class Memory {
public:
    Memory() = default;
    Memory(Memory&& other) noexcept { swap(other); }
    Memory& operator=(Memory&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Memory() {
        if (data_ != nullptr) {
            Release(data_);
        }
    }

    void swap(Memory& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    // Room for that many bytes, and for one where there are none: TensorRT takes no null address.
    // What was there is lost where it grows. Whether the address changed comes back.
    bool reserve(std::size_t bytes) {
        if (data_ != nullptr && bytes <= size_) {
            return false;
        }
        std::size_t const wanted = std::max<std::size_t>({bytes, data_ == nullptr ? 0 : 2 * size_, 256});
        void* data = nullptr;
        if (Allocate(&data, wanted) != cudaSuccess) {
            // The error is cleared: a smaller piece may still be there.
            cudaGetLastError();
            check(Allocate(&data, std::max<std::size_t>(bytes, 256)), "allocating memory");
            size_ = std::max<std::size_t>(bytes, 256);
        } else {
            size_ = wanted;
        }
        if (data_ != nullptr) {
            Release(data_);
        }
        data_ = data;
        return true;
    }

    void* data() const noexcept { return data_; }

private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

cudaError_t allocate_device(void** data, std::size_t size) { return cudaMalloc(data, size); }
cudaError_t release_device(void* data) { return cudaFree(data); }
cudaError_t allocate_host(void** data, std::size_t size) { return cudaMallocHost(data, size); }
cudaError_t release_host(void* data) { return cudaFreeHost(data); }

using DeviceMemory = Memory<allocate_device, release_device>;
using HostMemory = Memory<allocate_host, release_host>;

struct Tensor {
    std::string name;
    bool is_input = false;
    // Values that shapes depend on: TensorRT reads and writes them on the host.
    bool on_host = false;
    bool kept = false;
    int32_t dtype = DHT_OTHER;
    nvinfer1::Dims declared{};
    // Of an output, as of the last run that succeeded.
    nvinfer1::Dims shape{};
    bool has_shape = false;
    HostMemory host;
    DeviceMemory device;

    std::size_t bytes(nvinfer1::Dims const& dims) const {
        std::size_t count = size_of(dtype);
        for (int32_t axis = 0; axis < dims.nbDims; ++axis) {
            count *= static_cast<std::size_t>(dims.d[axis]);
        }
        return count;
    }
    std::size_t bytes() const { return bytes(shape); }
};

} // namespace

struct dht_blob {
    std::unique_ptr<nvinfer1::IHostMemory> memory;
};

struct dht_session {
    int32_t device = 0;
    bool graphs = false;
    // Shapes or addresses are not yet those that the context was told.
    bool changed = true;
    // Runs since then.
    uint64_t steady = 0;
    bool has_kept = false;
    bool has_host_input = false;
    std::unique_ptr<nvinfer1::IRuntime> runtime;
    std::unique_ptr<nvinfer1::ICudaEngine> engine;
    std::unique_ptr<nvinfer1::IExecutionContext> context;
    cudaStream_t stream = nullptr;
    cudaGraphExec_t graph = nullptr;
    std::vector<Tensor> tensors;

    ~dht_session() {
        cudaSetDevice(device);
        if (stream != nullptr) {
            cudaStreamSynchronize(stream);
        }
        forget_graph();
        context.reset();
        if (stream != nullptr) {
            cudaStreamDestroy(stream);
        }
    }

    void forget_graph() noexcept {
        if (graph != nullptr) {
            cudaGraphExecDestroy(graph);
            graph = nullptr;
        }
        steady = 0;
    }

    void touch() noexcept {
        changed = true;
        forget_graph();
    }

    Tensor& at(uint64_t index) {
        require(index < tensors.size(), DHT_UNFIT, "there is no tensor " + std::to_string(index));
        return tensors[index];
    }
    Tensor const& at(uint64_t index) const { return const_cast<dht_session*>(this)->at(index); }

    void find_tensors();
    void copy_in();
    void enqueue();
    void copy_out();
    void prepare(std::vector<nvinfer1::Dims>& shapes);
    void run_changed();
    void run_steady();
    bool capture() noexcept;
};

void dht_session::find_tensors() {
    int32_t const count = engine->getNbIOTensors();
    for (int32_t index = 0; index < count; ++index) {
        char const* const name = engine->getIOTensorName(index);
        Tensor tensor;
        tensor.name = name;
        tensor.is_input = engine->getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT;
        tensor.on_host = engine->getTensorLocation(name) == nvinfer1::TensorLocation::kHOST;
        tensor.dtype = dtype_of(engine->getTensorDataType(name));
        tensor.declared = engine->getTensorShape(name);
        require(tensor.dtype != DHT_OTHER, DHT_UNFIT, tensor.name + " has a type that is not supported");
        require(tensor.declared.nbDims >= 0 && tensor.declared.nbDims <= DHT_MAX_RANK, DHT_UNFIT,
                tensor.name + " has a rank that is not supported");
        has_host_input = has_host_input || (tensor.is_input && tensor.on_host);
        tensors.push_back(std::move(tensor));
    }
}

void dht_session::copy_in() {
    for (Tensor& tensor : tensors) {
        if (tensor.is_input && !tensor.kept && !tensor.on_host && tensor.bytes() > 0) {
            check(cudaMemcpyAsync(tensor.device.data(), tensor.host.data(), tensor.bytes(),
                                  cudaMemcpyHostToDevice, stream),
                  "copying to the device");
        }
    }
}

void dht_session::enqueue() {
    require(context->enqueueV3(stream), DHT_FAILED, "the engine did not start");
}

void dht_session::copy_out() {
    for (Tensor& tensor : tensors) {
        if (!tensor.is_input && !tensor.kept && !tensor.on_host && tensor.bytes() > 0) {
            check(cudaMemcpyAsync(tensor.host.data(), tensor.device.data(), tensor.bytes(),
                                  cudaMemcpyDeviceToHost, stream),
                  "copying from the device");
        }
    }
}

// Tells the context all shapes and addresses. `shapes` are those that all tensors will have. Inputs
// that TensorRT reads on the host have to be there before shapes are inferred.
void dht_session::prepare(std::vector<nvinfer1::Dims>& shapes) {
    for (Tensor& tensor : tensors) {
        if (!tensor.is_input) {
            continue;
        }
        require(tensor.has_shape, DHT_UNFIT, tensor.name + " has no shape yet");
        require(context->setInputShape(tensor.name.c_str(), tensor.shape), DHT_UNFIT,
                tensor.name + " cannot have the shape " + words(tensor.shape));
        if (tensor.on_host) {
            require(context->setInputTensorAddress(tensor.name.c_str(), tensor.host.data()), DHT_FAILED,
                    tensor.name + " could not be given its memory");
        } else {
            tensor.device.reserve(tensor.bytes());
        }
    }
    require(context->inferShapes(0, nullptr) == 0, DHT_UNFIT,
            "the shapes of the outputs do not follow from those of the inputs");
    for (Tensor& tensor : tensors) {
        nvinfer1::Dims const shape =
            tensor.is_input ? tensor.shape : context->getTensorShape(tensor.name.c_str());
        bool const known = shape.nbDims >= 0 &&
                           std::all_of(shape.d, shape.d + shape.nbDims, [](int64_t d) { return d >= 0; });
        require(known, DHT_UNFIT,
                tensor.name + " has a length that depends on the input's elements, which is not supported");
        shapes.push_back(shape);
        if (tensor.is_input && tensor.on_host) {
            continue;
        }
        void* address = nullptr;
        if (tensor.on_host) {
            tensor.host.reserve(tensor.bytes(shape));
            address = tensor.host.data();
        } else {
            tensor.device.reserve(tensor.bytes(shape));
            address = tensor.device.data();
        }
        require(context->setTensorAddress(tensor.name.c_str(), address), DHT_FAILED,
                tensor.name + " could not be given its memory");
    }
}

// With new shapes the outputs' host memory may have to grow, which would lose the outputs of the run
// before if this one failed: it grows only once the engine is through.
void dht_session::run_changed() {
    std::vector<nvinfer1::Dims> shapes;
    prepare(shapes);
    copy_in();
    enqueue();
    check(cudaStreamSynchronize(stream), "the run");
    for (std::size_t index = 0; index < tensors.size(); ++index) {
        Tensor& tensor = tensors[index];
        if (!tensor.is_input && !tensor.kept) {
            tensor.host.reserve(tensor.bytes(shapes[index]));
        }
    }
    for (std::size_t index = 0; index < tensors.size(); ++index) {
        tensors[index].shape = shapes[index];
        tensors[index].has_shape = true;
    }
    copy_out();
    check(cudaStreamSynchronize(stream), "copying from the device");
    changed = has_host_input;
}

// Records copies and kernels as one graph. TensorRT wants one plain run with these shapes before it.
bool dht_session::capture() noexcept {
    cudaGraph_t captured = nullptr;
    bool recorded = false;
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess) {
        try {
            copy_in();
            enqueue();
            copy_out();
            recorded = true;
        } catch (...) {
            // The capture is ended below; what it was to hold is run plainly.
        }
        recorded = cudaStreamEndCapture(stream, &captured) == cudaSuccess && recorded;
    }
    if (recorded) {
        recorded = cudaGraphInstantiate(&graph, captured, 0) == cudaSuccess;
    }
    if (captured != nullptr) {
        cudaGraphDestroy(captured);
    }
    if (!recorded) {
        graph = nullptr;
        // An engine whose work cannot be captured runs plainly from now on.
        graphs = false;
        cudaGetLastError();
    }
    return recorded;
}

void dht_session::run_steady() {
    ++steady;
    bool const wanted = graphs && !has_kept && steady > 1;
    if (wanted && (graph != nullptr || capture())) {
        check(cudaGraphLaunch(graph, stream), "starting the graph");
    } else {
        copy_in();
        enqueue();
        copy_out();
    }
    check(cudaStreamSynchronize(stream), "the run");
}

extern "C" {

uint32_t dht_abi_version(void) { return DHT_ABI_VERSION; }

dht_status dht_get_versions(int32_t device, dht_versions* versions, char* error, uint64_t capacity) {
    return guarded(error, capacity, [&] {
        dht_versions found{};
        int32_t const library = getInferLibVersion();
        found.tensorrt[0] = library / 10000;
        found.tensorrt[1] = library / 100 % 100;
        found.tensorrt[2] = library % 100;
        require(found.tensorrt[0] == NV_TENSORRT_MAJOR, DHT_FAILED,
                "this library was compiled for TensorRT " + std::to_string(NV_TENSORRT_MAJOR) +
                    " and has met TensorRT " + std::to_string(found.tensorrt[0]) +
                    "; compile it again with `drafthorse engine shim`");
        int cuda = 0;
        check(cudaRuntimeGetVersion(&cuda), "asking CUDA for its version");
        found.cuda[0] = cuda / 1000;
        found.cuda[1] = cuda % 1000 / 10;
        cudaDeviceProp properties{};
        check(cudaGetDeviceProperties(&properties, device), "asking for the device");
        found.compute[0] = properties.major;
        found.compute[1] = properties.minor;
        std::unique_ptr<nvinfer1::IRuntime> runtime(nvinfer1::createInferRuntime(log_of_process()));
        require(runtime != nullptr, DHT_FAILED, "TensorRT did not start");
        found.dla_cores = runtime->getNbDLACores();
        write_error(found.implementation, sizeof found.implementation, "TensorRT");
        write_error(found.device, sizeof found.device, properties.name);
        *versions = found;
    });
}

dht_status dht_build(dht_build_options const* options, dht_blob** engine, dht_blob** timing, char* error,
                     uint64_t capacity) {
    return guarded(error, capacity, [&] {
        check(cudaSetDevice(options->device), "choosing the device");
        Progress progress(options->progress, options->progress_context);
        auto require_built = [&](bool holds, char const* text) {
            require(!progress.cancelled(), DHT_CANCELLED, "the build was cancelled");
            require(holds, DHT_FAILED, text);
        };
        std::unique_ptr<nvinfer1::IBuilder> builder(nvinfer1::createInferBuilder(log_of_process()));
        require(builder != nullptr, DHT_FAILED, "TensorRT did not start");
        std::unique_ptr<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(0));
        require(network != nullptr, DHT_FAILED, "no network could be made");

        progress.phaseStart("read the model", nullptr, 1);
        std::unique_ptr<nvonnxparser::IParser> parser(
            nvonnxparser::createParser(*network, log_of_process()));
        require(parser != nullptr, DHT_FAILED, "the parser of ONNX files did not start");
        if (!parser->parse(options->onnx, options->onnx_size)) {
            std::string text = "TensorRT does not take the model";
            for (int32_t index = 0; index < parser->getNbErrors(); ++index) {
                auto const* const what = parser->getError(index);
                text += std::string(index == 0 ? ": " : "; ") + "node " + std::to_string(what->node()) +
                        ": " + what->desc();
            }
            throw Failure(DHT_FAILED, text);
        }
        progress.stepComplete("read the model", 0);
        require_built(true, "");

        // These outlive the configuration, which refers to them.
#if NV_TENSORRT_MAJOR < 11
        Calibration calibration(options->calibration, options->calibration_size);
#endif
        std::unique_ptr<nvinfer1::ITimingCache> times;
        std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
        require(config != nullptr, DHT_FAILED, "no configuration could be made");
        config->setProgressMonitor(&progress);
        if (options->workspace > 0) {
            config->setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, options->workspace);
        }
#if NV_TENSORRT_MAJOR < 11
        if (options->fp16 != 0) {
            config->setFlag(nvinfer1::BuilderFlag::kFP16);
        }
        if (options->int8 != 0) {
            config->setFlag(nvinfer1::BuilderFlag::kINT8);
            if (options->calibration_size > 0) {
                config->setInt8Calibrator(&calibration);
            }
        }
#else
        // Whether there are 8 bits follows from the model there.
        require(options->fp16 == 0 && options->calibration_size == 0, DHT_FAILED,
                "from TensorRT 11 on the precision is the model's own: give it a model in half precision "
                "or with QuantizeLinear and DequantizeLinear");
#endif
        if (options->dla_core >= 0) {
            require(options->dla_core < builder->getNbDLACores(), DHT_FAILED,
                    "there is no deep learning accelerator " + std::to_string(options->dla_core) + " of " +
                        std::to_string(builder->getNbDLACores()));
            config->setFlag(nvinfer1::BuilderFlag::kGPU_FALLBACK);
            config->setDefaultDeviceType(nvinfer1::DeviceType::kDLA);
            config->setDLACore(options->dla_core);
        }
        if (options->profile_count > 0) {
            // Of the builder, which destroys it.
            nvinfer1::IOptimizationProfile* const profile = builder->createOptimizationProfile();
            require(profile != nullptr, DHT_FAILED, "no profile could be made");
            for (uint64_t index = 0; index < options->profile_count; ++index) {
                dht_profile const& one = options->profiles[index];
                using Select = nvinfer1::OptProfileSelector;
                bool const fits =
                    profile->setDimensions(one.input, Select::kMIN, dims_of(one.rank, one.min)) &&
                    profile->setDimensions(one.input, Select::kOPT, dims_of(one.rank, one.opt)) &&
                    profile->setDimensions(one.input, Select::kMAX, dims_of(one.rank, one.max));
                require(fits, DHT_UNFIT, std::string("the profile does not fit ") + one.input);
            }
            require(config->addOptimizationProfile(profile) >= 0, DHT_UNFIT, "the profile does not fit");
        }
        void const* const earlier = options->timing_size > 0 ? options->timing : nullptr;
        times.reset(config->createTimingCache(earlier, options->timing_size));
        if (times == nullptr || !config->setTimingCache(*times, false)) {
            // Of another version or device: kernels are measured anew.
            times.reset(config->createTimingCache(nullptr, 0));
            require(times != nullptr && config->setTimingCache(*times, false), DHT_FAILED,
                    "no timing cache could be made");
        }

        std::unique_ptr<nvinfer1::IHostMemory> built(builder->buildSerializedNetwork(*network, *config));
        require_built(built != nullptr, "TensorRT could not build the engine");
        auto measured = std::make_unique<dht_blob>();
        measured->memory.reset(times->serialize());
        auto answer = std::make_unique<dht_blob>();
        answer->memory = std::move(built);
        *engine = answer.release();
        *timing = measured->memory == nullptr ? nullptr : measured.release();
    });
}

void const* dht_blob_data(dht_blob const* blob) { return blob->memory->data(); }
uint64_t dht_blob_size(dht_blob const* blob) { return blob->memory->size(); }
void dht_blob_free(dht_blob* blob) { delete blob; }

dht_status dht_session_open(dht_session_options const* options, dht_session** session, char* error,
                            uint64_t capacity) {
    return guarded(error, capacity, [&] {
        check(cudaSetDevice(options->device), "choosing the device");
        auto made = std::make_unique<dht_session>();
        made->device = options->device;
        made->graphs = options->graphs != 0;
        made->runtime.reset(nvinfer1::createInferRuntime(log_of_process()));
        require(made->runtime != nullptr, DHT_FAILED, "TensorRT did not start");
        if (options->dla_core >= 0) {
            made->runtime->setDLACore(options->dla_core);
        }
        made->engine.reset(made->runtime->deserializeCudaEngine(options->engine, options->engine_size));
        require(made->engine != nullptr, DHT_FAILED, "TensorRT does not take the engine");
        made->context.reset(made->engine->createExecutionContext());
        require(made->context != nullptr, DHT_FAILED, "there is no memory to run the engine in");
        check(cudaStreamCreateWithFlags(&made->stream, cudaStreamNonBlocking), "making a stream");
        made->find_tensors();
        *session = made.release();
    });
}

void dht_session_close(dht_session* session) { delete session; }

uint64_t dht_session_count(dht_session const* session) { return session->tensors.size(); }

dht_status dht_session_describe(dht_session const* session, uint64_t index, dht_tensor* tensor, char* error,
                                uint64_t capacity) {
    return guarded(error, capacity, [&] {
        Tensor const& found = session->at(index);
        dht_tensor answer{};
        answer.name = found.name.c_str();
        answer.is_input = found.is_input ? 1 : 0;
        answer.dtype = found.dtype;
        answer.rank = found.declared.nbDims;
        std::copy_n(found.declared.d, answer.rank, answer.dims);
        *tensor = answer;
    });
}

dht_status dht_session_keep(dht_session* session, uint64_t index, char* error, uint64_t capacity) {
    return guarded(error, capacity, [&] {
        Tensor& tensor = session->at(index);
        require(!tensor.on_host, DHT_UNFIT, tensor.name + " holds lengths, which TensorRT keeps on the host");
        tensor.kept = true;
        session->has_kept = true;
        session->touch();
    });
}

dht_status dht_session_set_shape(dht_session* session, uint64_t index, uint64_t rank, int64_t const* dims,
                                 char* error, uint64_t capacity) {
    return guarded(error, capacity, [&] {
        Tensor& tensor = session->at(index);
        nvinfer1::Dims const shape = dims_of(rank, dims);
        bool fits = tensor.is_input && shape.nbDims == tensor.declared.nbDims;
        for (int32_t axis = 0; fits && axis < shape.nbDims; ++axis) {
            int64_t const declared = tensor.declared.d[axis];
            fits = shape.d[axis] >= 0 && (declared < 0 || declared == shape.d[axis]);
        }
        require(fits, DHT_UNFIT, tensor.name + " cannot have the shape " + words(shape));
        check(cudaSetDevice(session->device), "choosing the device");
        std::size_t const bytes = tensor.bytes(shape);
        bool const moved = tensor.kept ? tensor.device.reserve(bytes) : tensor.host.reserve(bytes);
        if (tensor.kept) {
            check(cudaMemsetAsync(tensor.device.data(), 0, bytes, session->stream), "clearing memory");
        } else {
            std::memset(tensor.host.data(), 0, bytes);
        }
        if (moved || !tensor.has_shape || !same(shape, tensor.shape)) {
            session->touch();
        }
        tensor.shape = shape;
        tensor.has_shape = true;
    });
}

dht_status dht_session_shape(dht_session const* session, uint64_t index, uint64_t* rank, int64_t* dims,
                             char* error, uint64_t capacity) {
    return guarded(error, capacity, [&] {
        Tensor const& tensor = session->at(index);
        require(tensor.has_shape, DHT_UNFIT, tensor.name + " has no shape yet");
        *rank = static_cast<uint64_t>(tensor.shape.nbDims);
        std::copy_n(tensor.shape.d, tensor.shape.nbDims, dims);
    });
}

dht_status dht_session_host(dht_session const* session, uint64_t index, void** data, uint64_t* size,
                            char* error, uint64_t capacity) {
    return guarded(error, capacity, [&] {
        Tensor const& tensor = session->at(index);
        require(!tensor.kept, DHT_UNFIT, tensor.name + " stays on the device");
        require(tensor.has_shape, DHT_UNFIT, tensor.name + " has no shape yet");
        *data = tensor.host.data();
        *size = tensor.bytes();
    });
}

dht_status dht_session_run(dht_session* session, char* error, uint64_t capacity) {
    return guarded(error, capacity, [&] {
        check(cudaSetDevice(session->device), "choosing the device");
        if (session->changed) {
            session->run_changed();
        } else {
            session->run_steady();
        }
    });
}

dht_status dht_session_gather(dht_session* session, uint64_t input, uint64_t output, uint64_t axis,
                              uint64_t first, uint64_t count, uint64_t const* then, char* error,
                              uint64_t capacity) {
    return guarded(error, capacity, [&] {
        Tensor& from = session->at(input);
        Tensor& to = session->at(output);
        require(from.is_input && !to.is_input && to.kept && from.kept && to.dtype == from.dtype, DHT_UNFIT,
                from.name + " cannot be copied to " + to.name);
        require(from.has_shape, DHT_UNFIT, from.name + " has no shape yet");
        require(axis < static_cast<uint64_t>(from.shape.nbDims), DHT_UNFIT, from.name + " has no such axis");
        check(cudaSetDevice(session->device), "choosing the device");
        std::size_t outer = 1;
        std::size_t inner = size_of(from.dtype);
        for (int32_t at = 0; at < from.shape.nbDims; ++at) {
            auto const length = static_cast<std::size_t>(from.shape.d[at]);
            if (static_cast<uint64_t>(at) != axis) {
                (static_cast<uint64_t>(at) < axis ? outer : inner) *= length;
            }
        }
        auto const held = static_cast<uint64_t>(from.shape.d[axis]);
        uint64_t next = first;
        bool fits = first <= held;
        for (uint64_t index = 0; index < count; ++index) {
            fits = fits && then[index] >= next && then[index] < held;
            next = then[index] + 1;
        }
        require(fits, DHT_UNFIT, from.name + " has not these entries");
        nvinfer1::Dims shape = from.shape;
        shape.d[axis] = static_cast<int64_t>(first + count);
        to.device.reserve(to.bytes(shape));
        std::size_t const wide = held * inner;
        std::size_t const narrow = (first + count) * inner;
        auto const copy = [&](std::size_t to_entry, std::size_t from_entry, std::size_t entries) {
            if (entries == 0 || inner == 0 || outer == 0) {
                return;
            }
            check(cudaMemcpy2DAsync(static_cast<char*>(to.device.data()) + to_entry * inner, narrow,
                                    static_cast<char const*>(from.device.data()) + from_entry * inner, wide,
                                    entries * inner, outer, cudaMemcpyDeviceToDevice, session->stream),
                  "copying on the device");
        };
        copy(0, 0, first);
        for (uint64_t index = 0; index < count; ++index) {
            copy(first + index, then[index], 1);
        }
        to.shape = shape;
        to.has_shape = true;
        session->touch();
    });
}

dht_status dht_session_swap(dht_session* session, uint64_t input, uint64_t output, char* error,
                            uint64_t capacity) {
    return guarded(error, capacity, [&] {
        Tensor& to = session->at(input);
        Tensor& from = session->at(output);
        require(to.is_input && !from.is_input && to.kept && from.kept && to.dtype == from.dtype, DHT_UNFIT,
                from.name + " cannot become " + to.name);
        require(from.has_shape, DHT_UNFIT, from.name + " has no shape yet");
        to.device.swap(from.device);
        to.shape = from.shape;
        to.has_shape = true;
        session->touch();
    });
}

} // extern "C"
