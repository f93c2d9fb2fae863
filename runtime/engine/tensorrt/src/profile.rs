//! Which shapes an engine is built for: TensorRT wants bounds for each dynamic axis.

use crate::config::{AxisRange, TensorRtConfig};
use drafthorse_engine::{Dim, EngineError, Port, Ports};

/// Shapes that an input with dynamic axes may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// The input.
    pub(crate) input: String,
    pub(crate) min: Vec<usize>,
    pub(crate) opt: Vec<usize>,
    pub(crate) max: Vec<usize>,
}

impl Profile {
    /// Whether a shape of the right rank lies within the bounds.
    pub(crate) fn accepts(&self, shape: &[usize]) -> bool {
        let bounds = self.min.iter().zip(&self.max);
        bounds
            .zip(shape)
            .all(|((min, max), length)| (min..=max).contains(&length))
    }
}

/// The profiles of all inputs and states with dynamic axes.
///
/// # Errors
/// [`EngineError::Port`] where the configured lengths are out of order or leave a state's initial
/// shape outside.
pub(crate) fn profiles(
    model: &str,
    ports: &Ports,
    config: &TensorRtConfig,
) -> Result<Vec<Profile>, EngineError> {
    let mut profiles = Vec::new();
    for port in &ports.inputs {
        profiles.extend(profile(model, port, config, None)?);
    }
    for state in &ports.state {
        let initial = Some(state.initial.as_slice());
        let Some(profile) = profile(model, &state.input, config, initial)? else {
            continue;
        };
        if !profile.accepts(&state.initial) {
            return Err(EngineError::Port {
                model: model.to_owned(),
                port: state.input.name.clone(),
                what: format!(
                    "begins with the shape {:?}, outside the configured {:?} to {:?}",
                    state.initial, profile.min, profile.max
                ),
            });
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

/// That of one input; none where all its axes are fixed. Axes without a range of their own take in
/// the lengths of `initial`.
fn profile(
    model: &str,
    port: &Port,
    config: &TensorRtConfig,
    initial: Option<&[usize]>,
) -> Result<Option<Profile>, EngineError> {
    let mut is_dynamic = false;
    let mut profile = Profile {
        input: port.name.clone(),
        min: Vec::new(),
        opt: Vec::new(),
        max: Vec::new(),
    };
    for (at, dim) in port.dims.iter().enumerate() {
        let range = match dim {
            Dim::Fixed(length) => AxisRange {
                min: *length,
                opt: *length,
                max: *length,
            },
            Dim::Dynamic(axis) => {
                is_dynamic = true;
                let first = initial.and_then(|initial| initial.get(at).copied());
                let other = config.other_axes;
                let first = first.unwrap_or(other.min);
                config.axes.get(axis).copied().unwrap_or(AxisRange {
                    min: other.min.min(first),
                    max: other.max.max(first),
                    ..other
                })
            }
        };
        if range.min > range.opt || range.opt > range.max {
            return Err(EngineError::Port {
                model: model.to_owned(),
                port: port.name.clone(),
                what: format!(
                    "has the axis {dim} with the configured lengths {} to {}, best {}, which are out of order",
                    range.min, range.max, range.opt
                ),
            });
        }
        profile.min.push(range.min);
        profile.opt.push(range.opt);
        profile.max.push(range.max);
    }
    Ok(is_dynamic.then_some(profile))
}
