//! The methods that are compared, as a file names them.

use anyhow::{Context, Result, bail};
use drafthorse_vision::prune::{Method, Pruning};
use serde::Deserialize;
use std::path::Path;

/// A method under its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) name: String,
    #[serde(default)]
    pub(super) saliency: Saliency,
    /// The method that it is compared with.
    pub(super) against: Option<String>,
    /// Under which names its accuracy is among the bench's figures.
    #[serde(default)]
    pub(super) figures: Vec<String>,
    pub(super) parts: Vec<drafthorse_vision::prune::Part>,
}

/// What the saliency of tokens is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Saliency {
    /// How well the best of the classes' names fits a patch.
    #[default]
    Names,
    /// How much a patch is like the whole picture.
    Picture,
    /// The length of its features.
    Norm,
}

impl Named {
    pub(super) fn pruning(&self) -> Pruning {
        Pruning {
            parts: self.parts.clone(),
        }
    }

    /// Whether what is kept depends on the question.
    pub(super) fn asks(&self) -> bool {
        self.pruning().asks()
    }

    /// Whether it needs to know where road users are to be expected.
    pub(super) fn expects(&self) -> bool {
        self.pruning().weighs(|importance| importance.expected)
    }

    /// Whether what is kept depends on a seed.
    pub(super) fn draws(&self) -> bool {
        self.pruning()
            .has(|method| matches!(method, Method::Random(_)))
    }
}

/// The methods that are compared where no file is named.
const METHODS: &str = include_str!("methods.toml");

/// The methods of a file, or those of them that are asked for.
pub(super) fn read(path: Option<&Path>, only: &[String]) -> Result<Vec<Named>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        methods: Vec<Named>,
    }
    let text = match path {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => METHODS.to_owned(),
    };
    let mut file: File =
        toml::from_str(&text).context("the methods are not as docs/pruning.md has them")?;
    let known = |name: &String| file.methods.iter().any(|m| m.name == *name);
    if let Some(name) = only.iter().find(|name| !known(name)) {
        let names: Vec<&str> = file.methods.iter().map(|m| m.name.as_str()).collect();
        bail!(
            "there is no method {name:?}; there are {}",
            names.join(", ")
        );
    }
    file.methods
        .retain(|m| only.is_empty() || only.contains(&m.name));
    for method in &file.methods {
        let why = || format!("method {}", method.name);
        method.pruning().check().with_context(why)?;
    }
    Ok(file.methods)
}
