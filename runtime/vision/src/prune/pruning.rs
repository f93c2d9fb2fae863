//! Methods side by side, as a configuration names them.

use super::{Diverse, FastV, Importance, Kept, Navigation, Prune, PruneError, Pyramid};
use super::{Random, Ranked, Tokens, Uniform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A method and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum Method {
    /// Drawn at random.
    Random(Random),
    /// At an even stride.
    Uniform(Uniform),
    /// By the language model's own attention.
    #[serde(rename = "fastv")]
    FastV(FastV),
    /// Those that differ from each other.
    Diverse(Diverse),
    /// The most important ones.
    Ranked(Ranked),
    /// The most important ones of each region.
    Pyramid(Pyramid),
    /// The vehicle's way first.
    Navigation(Navigation),
}

impl Method {
    fn importance(&self) -> Option<&Importance> {
        match self {
            Self::Ranked(Ranked { importance })
            | Self::Pyramid(Pyramid { importance, .. })
            | Self::Navigation(Navigation { importance }) => Some(importance),
            Self::Random(_) | Self::Uniform(_) | Self::FastV(_) | Self::Diverse(_) => None,
        }
    }
}

impl Prune for Method {
    fn add(&self, tokens: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError> {
        match self {
            Self::Random(method) => method.add(tokens, count, kept),
            Self::Uniform(method) => method.add(tokens, count, kept),
            Self::FastV(method) => method.add(tokens, count, kept),
            Self::Diverse(method) => method.add(tokens, count, kept),
            Self::Ranked(method) => method.add(tokens, count, kept),
            Self::Pyramid(method) => method.add(tokens, count, kept),
            Self::Navigation(method) => method.add(tokens, count, kept),
        }
    }
}

/// A method and its share of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its share beside those of the other parts, above 0.
    #[serde(default = "whole")]
    pub share: f32,
    /// How its tokens are chosen.
    #[serde(flatten)]
    pub method: Method,
}

fn whole() -> f32 {
    1.0
}

/// Methods side by side: each adds its share of the budget to what those before it kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pruning {
    /// The methods, in their order; at least one.
    pub parts: Vec<Part>,
}

impl Pruning {
    /// One method alone.
    #[must_use]
    pub fn only(method: Method) -> Self {
        let share = whole();
        Self {
            parts: vec![Part { share, method }],
        }
    }

    /// Whether what is kept depends on what is asked, or on the prompt's last word where nothing is.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.has(|method| matches!(method, Method::FastV(_))) || self.weighs(|i| i.instruction)
    }

    /// Whether any method weighs a cue.
    #[must_use]
    pub fn weighs(&self, cue: impl Fn(&Importance) -> f32) -> bool {
        self.has(|method| method.importance().is_some_and(|i| cue(i) > 0.0))
    }

    /// Whether any method is such a one.
    #[must_use]
    pub fn has(&self, is: impl Fn(&Method) -> bool) -> bool {
        self.parts.iter().any(|part| is(&part.method))
    }

    /// The tokens to keep, ascending: exactly `keep`, or all where there are fewer.
    ///
    /// # Errors
    /// [`PruneError`] where a setting cannot be, a list of `tokens` is of another length, or a method needs what is
    /// not known.
    pub fn keep(&self, tokens: &Tokens<'_>, keep: usize) -> Result<Vec<usize>, PruneError> {
        self.check()?;
        tokens.check()?;
        let mut kept = Kept::none(tokens.len());
        for (part, count) in self.parts.iter().zip(self.counts(keep.min(tokens.len()))) {
            part.method.add(tokens, count, &mut kept)?;
        }
        Ok(kept.indices())
    }

    /// How many of `keep` tokens each part adds: its share rounded down, and one more each to those that lost
    /// most by it.
    fn counts(&self, keep: usize) -> Vec<usize> {
        let shares = self.parts.iter().map(|part| f64::from(part.share));
        let sum: f64 = shares.clone().sum();
        let exact: Vec<f64> = shares.map(|share| keep as f64 * share / sum).collect();
        let mut counts: Vec<usize> = exact.iter().map(|e| *e as usize).collect();
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
        let left = keep - counts.iter().sum::<usize>();
        order.iter().take(left).for_each(|&part| counts[part] += 1);
        counts
    }

    /// Whether every setting can be.
    ///
    /// # Errors
    /// [`PruneError::Setting`] names one that cannot.
    pub fn check(&self) -> Result<(), PruneError> {
        let refuse = |name, value| Err(PruneError::Setting { name, value });
        if self.parts.is_empty() {
            return refuse("parts", 0.0);
        }
        for part in &self.parts {
            if !(1e-6..=1e6).contains(&part.share) {
                return refuse("share", part.share);
            }
            if let Method::Pyramid(Pyramid { regions, .. }) = &part.method
                && regions.contains(&0)
            {
                return refuse("regions", 0.0);
            }
            if let Some(importance) = part.method.importance() {
                importance.check()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_methods_and_shares() {
        let text = r#"
            [[parts]]
            method = "pyramid"
            share = 0.7
            regions = [2, 2]
            importance = { saliency = 0.5, instruction = 0.5, radar = 0.3 }
            [[parts]]
            method = "diverse"
            share = 0.3
        "#;
        let pruning: Pruning = toml::from_str(text).unwrap();
        pruning.check().unwrap();
        assert_eq!(pruning.counts(10), [7, 3]);
        assert_eq!(pruning.counts(1), [1, 0]);
        let Method::Pyramid(pyramid) = pruning.parts[0].method else {
            panic!("{pruning:?}");
        };
        assert_eq!((pyramid.regions, pyramid.importance.radar), ([2, 2], 0.3));
        assert!(pruning.asks() && pruning.weighs(|i| i.saliency) && !pruning.weighs(|i| i.change));
        let plain = Pruning::only(Method::Random(Random::default()));
        assert!(!plain.asks() && !plain.weighs(|i| i.saliency));
        let again: Pruning =
            serde_json::from_value(serde_json::to_value(&pruning).unwrap()).unwrap();
        assert_eq!(again, pruning);
    }

    #[test]
    fn what_no_method_knows_is_refused() {
        for text in [
            "[[parts]]\nmethod = \"diverse\"\nalpha = 3",
            "[[parts]]\nmethod = \"pyramid\"\nimportance = { radr = 0.3 }",
            "[[parts]]\nmethod = \"clever\"",
            "parts = []\nseed = 3",
        ] {
            assert!(toml::from_str::<Pruning>(text).is_err(), "{text}");
        }
        for (text, name) in [
            ("parts = []", "parts"),
            ("[[parts]]\nmethod = \"uniform\"\nshare = nan", "share"),
            (
                "[[parts]]\nmethod = \"pyramid\"\nregions = [0, 1]",
                "regions",
            ),
            (
                "[[parts]]\nmethod = \"ranked\"\nimportance = { change = -1.0 }",
                "change",
            ),
        ] {
            let pruning: Pruning = toml::from_str(text).unwrap();
            let error = pruning.check().unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }
}
