// A toy of TensorRT for tests, with the names and rules of its interface that the library relies on.
// It knows one network: `total` is `past` with `new` behind it, `sum` the sum of `total`.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

#define NV_TENSORRT_MAJOR 10

inline int32_t getInferLibVersion() noexcept { return 100300; }

namespace nvinfer1 {

enum class DataType : int32_t { kFLOAT = 0, kHALF, kINT8, kINT32, kBOOL, kUINT8, kFP8, kBF16, kINT64 };
enum class TensorIOMode : int32_t { kNONE, kINPUT, kOUTPUT };
enum class TensorLocation : int32_t { kDEVICE, kHOST };
enum class BuilderFlag : int32_t { kFP16, kINT8, kGPU_FALLBACK };
enum class DeviceType : int32_t { kGPU, kDLA };
enum class MemoryPoolType : int32_t { kWORKSPACE };
enum class OptProfileSelector : int32_t { kMIN, kOPT, kMAX };

struct Dims {
    static constexpr int32_t MAX_DIMS = 8;
    int32_t nbDims;
    int64_t d[MAX_DIMS];
};

class ILogger {
public:
    enum class Severity : int32_t { kINTERNAL_ERROR, kERROR, kWARNING, kINFO, kVERBOSE };
    virtual void log(Severity severity, char const* text) noexcept = 0;
    virtual ~ILogger() = default;
};

// Where what goes wrong is told; the real one keeps the first for the process, too.
inline ILogger* toy_log = nullptr;
inline bool toy_error(char const* text) {
    toy_log->log(ILogger::Severity::kERROR, text);
    return false;
}

class IProgressMonitor {
public:
    virtual ~IProgressMonitor() noexcept = default;
    virtual void phaseStart(char const* phase, char const* parent, int32_t steps) noexcept = 0;
    virtual bool stepComplete(char const* phase, int32_t step) noexcept = 0;
    virtual void phaseFinish(char const* phase) noexcept = 0;
};

class IInt8EntropyCalibrator2 {
public:
    virtual ~IInt8EntropyCalibrator2() noexcept = default;
    virtual int32_t getBatchSize() const noexcept = 0;
    virtual bool getBatch(void* bindings[], char const* names[], int32_t count) noexcept = 0;
    virtual void const* readCalibrationCache(std::size_t& length) noexcept = 0;
    virtual void writeCalibrationCache(void const* data, std::size_t length) noexcept = 0;
};

class IHostMemory {
public:
    explicit IHostMemory(std::string bytes) : bytes_(std::move(bytes)) {}
    void* data() const noexcept { return const_cast<char*>(bytes_.data()); }
    std::size_t size() const noexcept { return bytes_.size(); }

private:
    std::string bytes_;
};

class ITimingCache {
public:
    IHostMemory* serialize() const noexcept { return new IHostMemory("toy times"); }
};

struct IOptimizationProfile {
    Dims past[3]{};
    bool setDimensions(char const* input, OptProfileSelector which, Dims const& dims) noexcept {
        bool const fits = std::strcmp(input, "past") == 0 && dims.nbDims == 2;
        past[static_cast<int>(which)] = dims;
        return fits;
    }
};

class INetworkDefinition {};

struct IBuilderConfig {
    IProgressMonitor* monitor = nullptr;
    IInt8EntropyCalibrator2* calibrator = nullptr;
    IOptimizationProfile const* profile = nullptr;
    bool int8 = false;
    void setProgressMonitor(IProgressMonitor* it) noexcept { monitor = it; }
    void setMemoryPoolLimit(MemoryPoolType, std::size_t) noexcept {}
    void setFlag(BuilderFlag flag) noexcept { int8 = int8 || flag == BuilderFlag::kINT8; }
    void setInt8Calibrator(IInt8EntropyCalibrator2* it) noexcept { calibrator = it; }
    void setDefaultDeviceType(DeviceType) noexcept {}
    void setDLACore(int32_t) noexcept {}
    int32_t addOptimizationProfile(IOptimizationProfile const* it) noexcept {
        profile = it;
        return 0;
    }
    // Refuses times that are not its own.
    ITimingCache* createTimingCache(void const* data, std::size_t size) const noexcept {
        bool const own = size == 0 || std::string(static_cast<char const*>(data), size) == "toy times";
        return own ? new ITimingCache : nullptr;
    }
    bool setTimingCache(ITimingCache const&, bool) noexcept { return true; }
};

class IBuilder {
public:
    INetworkDefinition* createNetworkV2(uint32_t) noexcept { return new INetworkDefinition; }
    IBuilderConfig* createBuilderConfig() noexcept { return new IBuilderConfig; }
    int32_t getNbDLACores() const noexcept { return 2; }
    IOptimizationProfile* createOptimizationProfile() noexcept {
        profile_ = std::make_unique<IOptimizationProfile>();
        return profile_.get();
    }
    IHostMemory* buildSerializedNetwork(INetworkDefinition&, IBuilderConfig& config) noexcept {
        if (config.profile == nullptr) {
            toy_error("past has no profile");
            return nullptr;
        }
        config.monitor->phaseStart("toy kernels", nullptr, 3);
        for (int32_t step = 0; step < 3; ++step) {
            if (!config.monitor->stepComplete("toy kernels", step)) {
                config.monitor->phaseFinish("toy kernels");
                return nullptr;
            }
        }
        config.monitor->phaseFinish("toy kernels");
        if (config.int8) {
            std::size_t length = 0;
            void const* const scales =
                config.calibrator == nullptr ? nullptr : config.calibrator->readCalibrationCache(length);
            if (scales == nullptr || std::memcmp(scales, "scales", length) != 0) {
                toy_error("there are no scales");
                return nullptr;
            }
        }
        return new IHostMemory("toy engine " + std::to_string(config.profile->past[0].d[0]) + " " +
                               std::to_string(config.profile->past[2].d[0]));
    }

private:
    std::unique_ptr<IOptimizationProfile> profile_;
};

class IExecutionContext {
public:
    IExecutionContext(int64_t min, int64_t max) : min_(min), max_(max) {}
    bool setInputShape(char const* name, Dims const& dims) noexcept {
        bool const is_past = std::strcmp(name, "past") == 0;
        if (is_past && (dims.d[0] < min_ || dims.d[0] > max_)) {
            return toy_error("the profile does not have that length");
        }
        (is_past ? past_ : new_) = dims;
        return true;
    }
    bool setTensorAddress(char const* name, void* data) noexcept {
        addresses_[name] = data;
        return data != nullptr;
    }
    bool setInputTensorAddress(char const* name, void const* data) noexcept {
        return setTensorAddress(name, const_cast<void*>(data));
    }
    int32_t inferShapes(int32_t, char const**) noexcept { return 0; }
    Dims getTensorShape(char const* name) const noexcept {
        if (std::strcmp(name, "total") == 0) {
            return {2, {past_.d[0] + new_.d[0], 2}};
        }
        return {0, {}};
    }
    bool enqueueV3(cudaStream_t stream) noexcept {
        if (addresses_.size() != 4) {
            return toy_error("an address is missing");
        }
        auto at = [this](char const* name) { return static_cast<float*>(addresses_[name]); };
        float* const past = at("past");
        float* const fresh = at("new");
        float* const total = at("total");
        float* const sum = at("sum");
        int64_t const old = past_.d[0] * 2;
        int64_t const added = new_.d[0] * 2;
        stream->take([=] {
            std::memcpy(total, past, static_cast<std::size_t>(old) * sizeof(float));
            std::memcpy(total + old, fresh, static_cast<std::size_t>(added) * sizeof(float));
            *sum = 0;
            for (int64_t index = 0; index < old + added; ++index) {
                *sum += total[index];
            }
        });
        return true;
    }

private:
    int64_t min_;
    int64_t max_;
    Dims past_{};
    Dims new_{};
    std::map<std::string, void*> addresses_;
};

class ICudaEngine {
public:
    ICudaEngine(int64_t min, int64_t max) : min_(min), max_(max) {}
    int32_t getNbIOTensors() const noexcept { return 4; }
    char const* getIOTensorName(int32_t index) const noexcept {
        char const* const names[] = {"past", "new", "total", "sum"};
        return names[index];
    }
    TensorIOMode getTensorIOMode(char const* name) const noexcept {
        return *name == 'p' || *name == 'n' ? TensorIOMode::kINPUT : TensorIOMode::kOUTPUT;
    }
    TensorLocation getTensorLocation(char const*) const noexcept { return TensorLocation::kDEVICE; }
    DataType getTensorDataType(char const*) const noexcept { return DataType::kFLOAT; }
    Dims getTensorShape(char const* name) const noexcept {
        switch (*name) {
        case 's': return {0, {}};
        case 'n': return {2, {1, 2}};
        default: return {2, {-1, 2}};
        }
    }
    IExecutionContext* createExecutionContext() noexcept { return new IExecutionContext(min_, max_); }

private:
    int64_t min_;
    int64_t max_;
};

class IRuntime {
public:
    int32_t getNbDLACores() const noexcept { return 2; }
    void setDLACore(int32_t) noexcept {}
    ICudaEngine* deserializeCudaEngine(void const* data, std::size_t size) noexcept {
        std::string const text(static_cast<char const*>(data), size);
        long long min = 0;
        long long max = 0;
        if (std::sscanf(text.c_str(), "toy engine %lld %lld", &min, &max) != 2) {
            toy_error("that is no toy engine");
            return nullptr;
        }
        return new ICudaEngine(min, max);
    }
};

inline IBuilder* createInferBuilder(ILogger& log) noexcept {
    toy_log = &log;
    return new IBuilder;
}
inline IRuntime* createInferRuntime(ILogger& log) noexcept {
    toy_log = &log;
    return new IRuntime;
}

} // namespace nvinfer1
