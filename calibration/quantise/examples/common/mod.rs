//! Folders of samples: `000/input_0.pb`, `000/input_1.pb`, `001/input_0.pb` and so on, ONNX tensors;
//! and words of the command line.

use drafthorse_engine::{DType, Element, EngineError, Tensor};
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};
use drafthorse_onnx::{TensorData, proto};
use drafthorse_quantise::Method;
use drafthorse_quantise::qdq::Convention;
use prost::Message as _;
use std::error::Error;
use std::path::Path;

/// Writes a sample.
#[allow(dead_code)]
pub(crate) fn write(folder: &Path, index: usize, sample: &[Tensor]) -> Result<(), Box<dyn Error>> {
    let folder = folder.join(format!("{index:03}"));
    std::fs::create_dir_all(&folder)?;
    for (input, tensor) in sample.iter().enumerate() {
        let name = format!("input_{input}");
        let file = encoded::<f32>(&name, tensor)
            .or_else(|| encoded::<i64>(&name, tensor))
            .ok_or("only f32 and i64 inputs are written")?;
        std::fs::write(folder.join(format!("{name}.pb")), file.encode_to_vec())?;
    }
    Ok(())
}

fn encoded<T: TensorData + Element>(name: &str, tensor: &Tensor) -> Option<proto::Tensor> {
    Some(proto::Tensor::new(
        name,
        tensor.shape(),
        tensor.data::<T>()?,
    ))
}

/// Reads all samples, in the order of their names.
#[allow(dead_code)]
pub(crate) fn read(folder: &Path) -> Result<Vec<Vec<Tensor>>, Box<dyn Error>> {
    let entries = std::fs::read_dir(folder)?;
    let mut folders = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    folders.sort();
    let mut samples = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let mut sample = Vec::new();
        loop {
            let path = folder.join(format!("input_{}.pb", sample.len()));
            if !path.exists() {
                break;
            }
            let file = proto::Tensor::decode(&*std::fs::read(path)?)?;
            sample.push(decoded(&file).ok_or("only f32 and i64 inputs are read")?);
        }
        samples.push(sample);
    }
    Ok(samples)
}

fn decoded(file: &proto::Tensor) -> Option<Tensor> {
    let shape = file.shape();
    match DType::from_onnx(file.data_type())? {
        DType::F32 => Some(Tensor::new(&shape, file.data::<f32>()?)),
        DType::I64 => Some(Tensor::new(&shape, file.data::<i64>()?)),
        _ => None,
    }
}

/// ONNX Runtime, from the library that `DRAFTHORSE_ONNXRUNTIME` names.
#[allow(dead_code)]
pub(crate) fn onnxruntime() -> Result<OnnxRuntime, EngineError> {
    OnnxRuntime::open(&OnnxRuntimeConfig {
        library: std::env::var_os("DRAFTHORSE_ONNXRUNTIME").map(Into::into),
        ..OnnxRuntimeConfig::default()
    })
}

/// How ranges are chosen: `min_max`, `entropy`, `mse` or a percentile; `mse` where nothing is said.
#[allow(dead_code)]
pub(crate) fn method(name: Option<&str>) -> Result<Method, Box<dyn Error>> {
    Ok(match name {
        None | Some("mse") => Method::Mse,
        Some("min_max") => Method::MinMax,
        Some("entropy") => Method::Entropy,
        Some(percent) => Method::Percentile(percent.parse()?),
    })
}

/// `u8s8` or `s8s8`.
#[allow(dead_code)]
pub(crate) fn convention(name: &str) -> Result<Convention, Box<dyn Error>> {
    match name {
        "u8s8" => Ok(Convention::U8S8),
        "s8s8" => Ok(Convention::S8S8),
        other => Err(format!("{other} is neither u8s8 nor s8s8").into()),
    }
}
