//! The methods that are compared, as a file names them.

use crate::Failure;
use drafthorse_vision::prune::{Method, Pruning};
use serde::Deserialize;
use std::path::Path;

/// A method under its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) saliency: Saliency,
    /// The method that it is compared with.
    pub(crate) against: Option<String>,
    pub(crate) parts: Vec<drafthorse_vision::prune::Part>,
}

/// What the saliency of tokens is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Saliency {
    /// How well the best of the classes' names fits a patch.
    #[default]
    Names,
    /// How much a patch is like the whole picture.
    Picture,
    /// The length of its features.
    Norm,
}

impl Named {
    pub(crate) fn pruning(&self) -> Pruning {
        Pruning {
            parts: self.parts.clone(),
        }
    }

    /// Whether what is kept depends on the question.
    pub(crate) fn asks(&self) -> bool {
        self.parts.iter().any(|part| match &part.method {
            Method::FastV(_) => true,
            Method::Ranked(of) => of.importance.instruction > 0.0,
            Method::Pyramid(of) => of.importance.instruction > 0.0,
            Method::Navigation(of) => of.importance.instruction > 0.0,
            Method::Random(_) | Method::Uniform(_) | Method::Diverse(_) => false,
        })
    }

    /// Whether what is kept depends on a seed.
    pub(crate) fn draws(&self) -> bool {
        let mut methods = self.parts.iter().map(|part| &part.method);
        methods.any(|method| matches!(method, Method::Random(_)))
    }
}

/// The methods of a file, or those of them that are asked for.
pub(crate) fn read(path: &Path, only: &[String]) -> Result<Vec<Named>, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        methods: Vec<Named>,
    }
    let mut file: File = toml::from_str(&std::fs::read_to_string(path)?)?;
    let known = |name: &String| file.methods.iter().any(|m| m.name == *name);
    if let Some(name) = only.iter().find(|name| !known(name)) {
        return Err(format!("{} has no method {name}", path.display()).into());
    }
    file.methods
        .retain(|m| only.is_empty() || only.contains(&m.name));
    for method in &file.methods {
        let fault = |e| format!("method {}: {e}", method.name);
        method.pruning().check().map_err(fault)?;
    }
    Ok(file.methods)
}
