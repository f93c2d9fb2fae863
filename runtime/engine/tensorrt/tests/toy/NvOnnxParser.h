// A toy of TensorRT's parser for tests: it takes the one network that the toy of TensorRT knows.
#pragma once

#include <NvInfer.h>

namespace nvonnxparser {

class IParserError {
public:
    char const* desc() const { return "this is not the toy's network"; }
    int node() const { return 7; }
};

class IParser {
public:
    bool parse(void const* data, std::size_t size) noexcept {
        std::string const text(static_cast<char const*>(data), size);
        errors_ = text.find("concatenation") == std::string::npos ? 1 : 0;
        return errors_ == 0;
    }
    int32_t getNbErrors() const noexcept { return errors_; }
    IParserError const* getError(int32_t) const noexcept { return &error_; }

private:
    int32_t errors_ = 0;
    IParserError error_;
};

inline IParser* createParser(nvinfer1::INetworkDefinition&, nvinfer1::ILogger&) noexcept {
    return new IParser;
}

} // namespace nvonnxparser
