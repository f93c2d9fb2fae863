//! An open engine.

use crate::buffer::Buffer;
use crate::engine::{self, Bounds};
use crate::versions::onnxruntime;
use crate::{Failure, abi, failed, unfit};
use drafthorse_engine::{Artefact, Backend as _, DType, Dim, Kept, LoadOptions, Model, Port};
use std::ffi::CString;

pub(crate) struct Session {
    model: Box<dyn Model>,
    /// Inputs, then outputs.
    pub(crate) tensors: Vec<Tensor>,
}

pub(crate) struct Tensor {
    pub(crate) name: CString,
    pub(crate) port: Port,
    pub(crate) is_input: bool,
    bounds: Option<Bounds>,
    kept: bool,
    shape: Option<Vec<usize>>,
    buffer: Buffer,
}

impl Tensor {
    fn new(port: &Port, is_input: bool, bounds: &[Bounds]) -> Result<Self, Failure> {
        if port.dims.len() > abi::MAX_RANK {
            return Err(unfit(format!("{port} has too many axes")));
        }
        let bounds = bounds.iter().find(|bounds| bounds.input == port.name);
        Ok(Self {
            name: CString::new(port.name.as_str()).map_err(failed)?,
            bounds: bounds.filter(|_| is_input).cloned(),
            port: port.clone(),
            is_input,
            kept: false,
            shape: None,
            buffer: Buffer::default(),
        })
    }

    fn bytes(&self, shape: &[usize]) -> usize {
        shape.iter().product::<usize>() * size(self.port.dtype)
    }

    /// The shape that an input will be run with.
    fn given(&self) -> Result<&[usize], Failure> {
        let shape = self.shape.as_deref();
        let shape = shape.ok_or_else(|| unfit(format!("{} has no shape yet", self.port)))?;
        let Some(bounds) = &self.bounds else {
            return Ok(shape);
        };
        let mut within = bounds.min.iter().zip(&bounds.max).zip(shape);
        let fits = within.all(|((&min, &max), &length)| {
            i64::try_from(length).is_ok_and(|length| (min..=max).contains(&length))
        });
        match fits {
            true => Ok(shape),
            false => Err(unfit(format!(
                "{} cannot have the shape {shape:?}",
                self.port
            ))),
        }
    }

    /// Lengths of the axes, -1 for dynamic ones.
    pub(crate) fn dims(&self) -> [i64; abi::MAX_RANK] {
        let mut dims = [0; abi::MAX_RANK];
        for (to, dim) in dims.iter_mut().zip(&self.port.dims) {
            *to = match dim {
                Dim::Fixed(length) => i64::try_from(*length).unwrap_or(i64::MAX),
                Dim::Dynamic(_) => -1,
            };
        }
        dims
    }
}

impl Session {
    pub(crate) fn open(engine: &[u8]) -> Result<Self, Failure> {
        let (header, onnx) = engine::open(engine)?;
        let artefact = Artefact {
            name: "the engine",
            bytes: onnx,
        };
        let model = onnxruntime()?.load(artefact, &LoadOptions::default());
        let model = model.map_err(failed)?;
        let mut tensors = Vec::new();
        for port in model.inputs() {
            tensors.push(Tensor::new(port, true, &header.bounds)?);
        }
        for port in model.outputs() {
            tensors.push(Tensor::new(port, false, &[])?);
        }
        Ok(Self { model, tensors })
    }

    pub(crate) fn at(&self, index: u64) -> Result<&Tensor, Failure> {
        let at = usize::try_from(index).map_err(unfit)?;
        let tensor = self.tensors.get(at);
        tensor.ok_or_else(|| unfit(format!("there is no tensor {index}")))
    }

    fn at_mut(&mut self, index: u64) -> Result<&mut Tensor, Failure> {
        self.at(index)?;
        Ok(&mut self.tensors[index as usize])
    }

    pub(crate) fn keep(&mut self, index: u64) -> Result<(), Failure> {
        self.at_mut(index)?.kept = true;
        Ok(())
    }

    pub(crate) fn set_shape(&mut self, index: u64, dims: &[i64]) -> Result<(), Failure> {
        let tensor = self.at_mut(index)?;
        let shape = dims.iter().map(|&length| usize::try_from(length).ok());
        let shape: Option<Vec<usize>> = shape.collect();
        let shape = shape.filter(|shape| tensor.is_input && tensor.port.accepts(shape));
        let shape = shape
            .ok_or_else(|| unfit(format!("{} cannot have the shape {dims:?}", tensor.port)))?;
        tensor.buffer = Buffer::zeros(tensor.bytes(&shape));
        tensor.shape = Some(shape);
        Ok(())
    }

    pub(crate) fn shape(&self, index: u64) -> Result<&[usize], Failure> {
        let tensor = self.at(index)?;
        let shape = tensor.shape.as_deref();
        shape.ok_or_else(|| unfit(format!("{} has no shape yet", tensor.port)))
    }

    pub(crate) fn host(&self, index: u64) -> Result<(&Buffer, usize), Failure> {
        let tensor = self.at(index)?;
        if tensor.kept {
            return Err(unfit(format!("{} stays on the device", tensor.port)));
        }
        Ok((&tensor.buffer, tensor.bytes(self.shape(index)?)))
    }

    pub(crate) fn run(&mut self) -> Result<(), Failure> {
        let inputs = self.tensors.iter().filter(|tensor| tensor.is_input);
        for (index, tensor) in inputs.enumerate() {
            self.model.resize(index, tensor.given()?).map_err(failed)?;
            tensor.buffer.read(self.model.input_mut(index))?;
        }
        self.model.run().map_err(failed)?;
        let outputs = self.tensors.iter_mut().filter(|tensor| !tensor.is_input);
        for (index, tensor) in outputs.enumerate() {
            let view = self.model.output(index);
            let bytes = tensor.bytes(view.shape());
            if tensor.shape.as_deref() != Some(view.shape()) {
                tensor.buffer = Buffer::zeros(bytes);
                tensor.shape = Some(view.shape().to_vec());
            }
            tensor.buffer.write(view)?;
        }
        Ok(())
    }

    pub(crate) fn gather(
        &mut self,
        input: u64,
        output: u64,
        axis: u64,
        kept: Kept<'_>,
    ) -> Result<(), Failure> {
        let (from, to) = (self.at(input)?, self.at(output)?);
        let fits = from.is_input && !to.is_input && to.kept && from.kept;
        let mut shape = self.shape(input)?.to_vec();
        let axis = usize::try_from(axis).map_err(unfit)?;
        let held = shape.get(axis).copied().filter(|_| fits);
        let last = kept.then.last().map_or(kept.first, |last| last + 1);
        if to.port.dtype != from.port.dtype || held.is_none_or(|held| last > held) {
            return Err(unfit(format!("{} has not these entries", from.port)));
        }
        let row = size(from.port.dtype) * shape[axis + 1..].iter().product::<usize>();
        let outer: usize = shape[..axis].iter().product();
        let bytes = from.buffer.gather(outer, shape[axis] * row, row, kept)?;
        shape[axis] = kept.count();
        let to = self.at_mut(output)?;
        to.buffer = bytes;
        to.shape = Some(shape);
        Ok(())
    }

    pub(crate) fn swap(&mut self, input: u64, output: u64) -> Result<(), Failure> {
        let (to, from) = (self.at(input)?, self.at(output)?);
        let fits = to.is_input && !from.is_input && to.kept && from.kept;
        if !fits || to.port.dtype != from.port.dtype {
            return Err(unfit(format!("{} cannot become {}", from.port, to.port)));
        }
        let shape = self.shape(output)?.to_vec();
        let to = std::mem::take(&mut self.at_mut(input)?.buffer);
        let from = std::mem::replace(&mut self.at_mut(output)?.buffer, to);
        // What the output has now is the input's memory, of another length.
        self.at_mut(output)?.shape = None;
        let to = self.at_mut(input)?;
        to.buffer = from;
        to.shape = Some(shape);
        Ok(())
    }
}

/// Bytes of an element.
fn size(dtype: DType) -> usize {
    match dtype {
        DType::I64 => 8,
        DType::F32 | DType::I32 => 4,
        DType::U8 | DType::I8 | DType::Bool => 1,
    }
}

/// The `DHT_` constant.
pub(crate) fn constant(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 0,
        DType::I64 => 1,
        DType::I32 => 2,
        DType::U8 => 3,
        DType::I8 => 4,
        DType::Bool => 5,
    }
}
