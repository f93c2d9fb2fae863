//! Tensors of the protocol's messages: reading them, whatever form their contents have, and writing them raw.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::shortened;
use crate::inference::{InferTensorContents, model_infer_request, model_infer_response};
use crate::{ContractError, TensorSpecification};

/// One tensor as a message holds it.
struct Tensor<'a> {
    name: &'a str,
    datatype: &'a str,
    shape: &'a [i64],
    contents: Option<&'a InferTensorContents>,
    raw: Option<&'a Bytes>,
}

/// The tensors of one message.
pub(crate) struct Tensors<'a>(Vec<Tensor<'a>>);

/// Elements before their meaning: as bytes, or as the numbers of a typed content.
enum Elements<'a, N> {
    Raw(&'a Bytes),
    Numbers(&'a [N]),
}

macro_rules! gathered {
    ($name:ident, $tensor:path) => {
        /// The tensors with their raw contents, where the message has such.
        pub(crate) fn $name(
            tensors: &'a [$tensor],
            raw: &'a [Bytes],
        ) -> Result<Self, ContractError> {
            if !raw.is_empty() && raw.len() != tensors.len() {
                return Err(ContractError::RawContents {
                    tensors: tensors.len(),
                    raw: raw.len(),
                });
            }
            let all = tensors.iter().enumerate().map(|(i, t)| Tensor {
                name: &t.name,
                datatype: &t.datatype,
                shape: &t.shape,
                contents: t.contents.as_ref(),
                raw: raw.get(i),
            });
            Ok(Self(all.collect()))
        }
    };
}

impl<'a> Tensors<'a> {
    gathered!(of_request, model_infer_request::InferInputTensor);
    gathered!(of_response, model_infer_response::InferOutputTensor);

    /// An error where the message has a tensor that the model does not, or one twice.
    pub(crate) fn only(&self, wanted: &[TensorSpecification]) -> Result<(), ContractError> {
        for (i, tensor) in self.0.iter().enumerate() {
            if !wanted.iter().any(|w| w.name == tensor.name) {
                return Err(ContractError::Unknown(shortened(tensor.name)));
            }
            if self.0[..i].iter().any(|t| t.name == tensor.name) {
                return Err(ContractError::Twice(shortened(tensor.name)));
            }
        }
        Ok(())
    }

    /// Unsigned bytes, at most `most`.
    pub(crate) fn u8s(&self, name: &'static str, most: usize) -> Result<Bytes, ContractError> {
        let (count, elements) =
            self.elements(name, "UINT8", most, 1, |contents| &contents.uint_contents)?;
        match elements {
            Elements::Raw(bytes) => Ok(bytes.clone()),
            Elements::Numbers(numbers) => {
                length(name, count, numbers.len())?;
                numbers
                    .iter()
                    .enumerate()
                    .map(|(place, &n)| u8::try_from(n).map_err(|_| range(name, place, n)))
                    .collect()
            }
        }
    }

    /// Unsigned 16-bit numbers, at most `most`.
    pub(crate) fn u16s(&self, name: &'static str, most: usize) -> Result<Vec<u16>, ContractError> {
        let (count, elements) =
            self.elements(name, "UINT16", most, 2, |contents| &contents.uint_contents)?;
        match elements {
            Elements::Raw(bytes) => Ok(bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| u16::from_le_bytes(b))
                .collect()),
            Elements::Numbers(numbers) => {
                length(name, count, numbers.len())?;
                numbers
                    .iter()
                    .enumerate()
                    .map(|(place, &n)| u16::try_from(n).map_err(|_| range(name, place, n)))
                    .collect()
            }
        }
    }

    /// Floats, at most `most`, all finite.
    pub(crate) fn f32s(&self, name: &'static str, most: usize) -> Result<Vec<f32>, ContractError> {
        let (count, elements) =
            self.elements(name, "FP32", most, 4, |contents| &contents.fp32_contents)?;
        let numbers: Vec<f32> = match elements {
            Elements::Raw(bytes) => bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| f32::from_le_bytes(b))
                .collect(),
            Elements::Numbers(numbers) => {
                length(name, count, numbers.len())?;
                numbers.to_vec()
            }
        };
        match numbers.iter().position(|n| !n.is_finite()) {
            None => Ok(numbers),
            Some(place) => Err(ContractError::NotFinite {
                tensor: name,
                place,
            }),
        }
    }

    /// The one element of a BYTES tensor, at most `most` bytes.
    pub(crate) fn element(
        &self,
        name: &'static str,
        most: usize,
    ) -> Result<&'a [u8], ContractError> {
        let tensor = self.find(name, "BYTES")?;
        let count = count_of(tensor, name, 1)?;
        length(name, 1, count)?;
        let element = match tensor.raw {
            Some(raw) => {
                let wrong = |wanted| ContractError::Length {
                    tensor: name,
                    unit: "bytes",
                    wanted,
                    got: raw.len(),
                };
                let (size, element) = raw.split_first_chunk::<4>().ok_or_else(|| wrong(4))?;
                let size = u32::from_le_bytes(*size) as usize;
                if size != element.len() {
                    return Err(wrong(size.saturating_add(4)));
                }
                element
            }
            None => {
                let contents = tensor.contents.map_or(&[][..], |c| &c.bytes_contents);
                length(name, 1, contents.len())?;
                &contents[0]
            }
        };
        at_most(name, element.len(), most)?;
        Ok(element)
    }

    fn find(
        &self,
        name: &'static str,
        datatype: &'static str,
    ) -> Result<&Tensor<'a>, ContractError> {
        let mut named = self.0.iter().filter(|t| t.name == name);
        let tensor = named.next().ok_or(ContractError::Missing(name))?;
        if named.next().is_some() {
            return Err(ContractError::Twice(name.to_owned()));
        }
        if tensor.datatype != datatype {
            return Err(ContractError::Datatype {
                tensor: name,
                wanted: datatype,
                got: shortened(tensor.datatype),
            });
        }
        Ok(tensor)
    }

    /// How many elements a tensor has by its shape, and they: raw ones are of the right length.
    fn elements<N>(
        &self,
        name: &'static str,
        datatype: &'static str,
        most: usize,
        size: usize,
        numbers: impl Fn(&InferTensorContents) -> &Vec<N>,
    ) -> Result<(usize, Elements<'a, N>), ContractError> {
        let tensor = self.find(name, datatype)?;
        let count = count_of(tensor, name, most)?;
        let elements = match (tensor.raw, tensor.contents) {
            (Some(raw), _) => {
                if raw.len() != count * size {
                    return Err(ContractError::Length {
                        tensor: name,
                        unit: "bytes",
                        wanted: count * size,
                        got: raw.len(),
                    });
                }
                Elements::Raw(raw)
            }
            (None, Some(contents)) => Elements::Numbers(numbers(contents).as_slice()),
            (None, None) => Elements::Numbers(&[]),
        };
        Ok((count, elements))
    }
}

/// Elements by the shape `[1, n]`, at most `most`.
fn count_of(tensor: &Tensor<'_>, name: &'static str, most: usize) -> Result<usize, ContractError> {
    let wrong = || ContractError::Shape {
        tensor: name,
        got: shortened(&format!("{:?}", &tensor.shape[..tensor.shape.len().min(8)])),
    };
    let [1, count] = *tensor.shape else {
        return Err(wrong());
    };
    let count = usize::try_from(count).map_err(|_| wrong())?;
    at_most(name, count, most)?;
    Ok(count)
}

pub(crate) fn at_most(what: &'static str, got: usize, most: usize) -> Result<(), ContractError> {
    if got <= most {
        return Ok(());
    }
    Err(ContractError::TooMany { what, got, most })
}

fn length(tensor: &'static str, wanted: usize, got: usize) -> Result<(), ContractError> {
    if wanted == got {
        return Ok(());
    }
    Err(ContractError::Length {
        tensor,
        unit: "elements",
        wanted,
        got,
    })
}

fn range(tensor: &'static str, place: usize, got: u32) -> ContractError {
    ContractError::Range {
        tensor,
        place,
        got: i64::from(got),
    }
}

/// Tensors of shape `[1, n]` on their way into a message, in the order of a specification.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) lengths: Vec<i64>,
    pub(crate) raw: Vec<Bytes>,
}

impl Written {
    fn push(&mut self, count: usize, raw: Bytes) {
        self.lengths.push(i64::try_from(count).unwrap_or(i64::MAX));
        self.raw.push(raw);
    }

    pub(crate) fn element(&mut self, element: &str) {
        let mut raw = BytesMut::with_capacity(4 + element.len());
        raw.put_u32_le(u32::try_from(element.len()).unwrap_or(u32::MAX));
        raw.put_slice(element.as_bytes());
        self.push(1, raw.freeze());
    }

    pub(crate) fn u8s(&mut self, bytes: Bytes) {
        self.push(bytes.len(), bytes);
    }

    pub(crate) fn u16s(&mut self, numbers: impl IntoIterator<Item = u16>) {
        let raw: Vec<u8> = numbers.into_iter().flat_map(u16::to_le_bytes).collect();
        self.push(raw.len() / 2, raw.into());
    }

    pub(crate) fn f32s(&mut self, numbers: impl IntoIterator<Item = f32>) {
        let raw: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
        self.push(raw.len() / 4, raw.into());
    }
}
