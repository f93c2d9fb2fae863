//! Inputs and outputs of a model, as its file declares them.

use crate::backend::{LoadOptions, StatePair};
use crate::error::EngineError;
use crate::tensor::DType;
use drafthorse_onnx::{Dim, ValueType, proto};
use std::fmt;

/// An input or an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name.
    pub name: String,
    /// Type of the elements.
    pub dtype: DType,
    /// Axes.
    pub dims: Vec<Dim>,
}

impl Port {
    /// Whether a tensor of that shape fits.
    #[must_use]
    pub fn accepts(&self, shape: &[usize]) -> bool {
        let fits = |(dim, &length): (&Dim, &usize)| match dim {
            Dim::Fixed(fixed) => *fixed == length,
            Dim::Dynamic(_) => true,
        };
        self.dims.len() == shape.len() && self.dims.iter().zip(shape).all(fits)
    }

    /// Refuses a shape that does not fit.
    ///
    /// # Errors
    /// [`EngineError::Shape`].
    pub fn require(&self, shape: &[usize]) -> Result<(), EngineError> {
        match self.accepts(shape) {
            true => Ok(()),
            false => Err(EngineError::Shape {
                port: self.to_string(),
                given: format!("{shape:?}"),
            }),
        }
    }

    /// The shape where no axis is dynamic; dynamic ones have the length `dynamic`.
    #[must_use]
    pub fn shape_with(&self, dynamic: usize) -> Vec<usize> {
        let length = |dim: &Dim| match dim {
            Dim::Fixed(length) => *length,
            Dim::Dynamic(_) => dynamic,
        };
        self.dims.iter().map(length).collect()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(ToString::to_string).collect();
        write!(f, "{}: {}[{}]", self.name, self.dtype, dims.join(", "))
    }
}

/// All ports of a model: those that are filled and read, and the state between runs.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    /// To be filled before a run, in the file's order without the state's.
    pub inputs: Vec<Port>,
    /// To be read after a run, in the file's order without the state's.
    pub outputs: Vec<Port>,
    /// Inputs that the backend fills with what an output of the run before gave.
    pub state: Vec<State>,
}

/// A value that stays in the backend from one run to the next.
#[derive(Clone, Debug)]
pub struct State {
    /// Input that takes it.
    pub input: Port,
    /// Output that gives the next.
    pub output: Port,
    /// Shape at the beginning, all zeros; axes of length 0 are empty.
    pub initial: Vec<usize>,
}

impl Ports {
    /// Those of a model's file.
    ///
    /// # Errors
    /// [`EngineError::Port`] where an input or output has no shape or a type that has no place here,
    /// or where the state names ports that do not exist or do not fit.
    pub fn of(
        model: &str,
        file: &proto::Model,
        options: &LoadOptions,
    ) -> Result<Self, EngineError> {
        let port = |value| port(model, value);
        let all = |values: Vec<ValueType>| values.into_iter().map(port).collect();
        let mut inputs: Vec<Port> =
            Result::from_iter::<Vec<_>>(all(drafthorse_onnx::inputs(file)))?;
        let mut outputs: Vec<Port> =
            Result::from_iter::<Vec<_>>(all(drafthorse_onnx::outputs(file)))?;
        let mut state = Vec::new();
        for pair in &options.state {
            state.push(take_state(model, pair, &mut inputs, &mut outputs)?);
        }
        Ok(Self {
            inputs,
            outputs,
            state,
        })
    }
}

/// Elements that an input, output or state may have: no network of a vehicle comes near.
const MOST_ELEMENTS: usize = 1 << 31;

fn is_sane(mut lengths: impl Iterator<Item = usize>) -> bool {
    let count = lengths.try_fold(1usize, usize::checked_mul);
    count.is_some_and(|count| count <= MOST_ELEMENTS)
}

fn port(model: &str, value: ValueType) -> Result<Port, EngineError> {
    let wrong = |what: String| EngineError::Port {
        model: model.to_owned(),
        port: value.name.clone(),
        what,
    };
    let dtype = DType::from_onnx(value.data_type);
    let dtype = dtype.ok_or_else(|| wrong(format!("has the type {:?}", value.data_type)))?;
    let dims = value.dims.clone();
    let dims = dims.ok_or_else(|| wrong("declares no shape".to_owned()))?;
    let lengths = dims.iter().map(|dim| match dim {
        Dim::Fixed(length) => *length,
        Dim::Dynamic(_) => 1,
    });
    if !is_sane(lengths) {
        return Err(wrong(format!("has more than {MOST_ELEMENTS} elements")));
    }
    Ok(Port {
        name: value.name,
        dtype,
        dims,
    })
}

fn take_state(
    model: &str,
    pair: &StatePair,
    inputs: &mut Vec<Port>,
    outputs: &mut Vec<Port>,
) -> Result<State, EngineError> {
    let take = |ports: &mut Vec<Port>, name: &str| {
        let at = ports.iter().position(|port| port.name == name);
        at.map(|at| ports.remove(at))
            .ok_or_else(|| EngineError::Port {
                model: model.to_owned(),
                port: name.to_owned(),
                what: "is named as state but does not exist".to_owned(),
            })
    };
    let input = take(inputs, &pair.input)?;
    let output = take(outputs, &pair.output)?;
    let fits = input.accepts(&pair.initial)
        && is_sane(pair.initial.iter().copied())
        && input.dtype == output.dtype
        && input.dims.len() == output.dims.len();
    if !fits {
        return Err(EngineError::Port {
            model: model.to_owned(),
            port: pair.input.clone(),
            what: format!(
                "is named as state with the initial shape {:?} and {output} as its next, which do not fit {input}",
                pair.initial
            ),
        });
    }
    Ok(State {
        input,
        output,
        initial: pair.initial.clone(),
    })
}
