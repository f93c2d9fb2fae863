//! What goes into a board's bundle.

use crate::error::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What goes into a board's bundle beside the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BundleProfile {
    /// Folders of `models/`.
    pub models: Vec<String>,
    /// Whether ONNX Runtime's library goes along: its build for processors, for boards that do not
    /// bring a library with their own GPU's provider.
    pub onnxruntime: bool,
    /// Features that the program is built with.
    pub features: Vec<String>,
}

impl BundleProfile {
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let is_plain = |name: &String| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if !self.models.iter().all(is_plain) {
            return Err(("bundle.models", "must be names of folders in models/"));
        }
        Ok(())
    }
}
