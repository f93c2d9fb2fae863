//! Whether a model may take the place of the one in use.
//!
//! The decision rests on intervals, not on the figures alone: too few scenes give wide intervals,
//! and a wide interval is a no.

use serde::Serialize;

use crate::bootstrap::{Bootstrap, Comparison};
use crate::error::EvalError;
use crate::statistic::Statistics;

/// What a candidate must do.
#[derive(Clone, Debug, PartialEq)]
pub struct GateRules {
    /// Measures that must hold, each by its mean over the classes.
    pub measures: Vec<String>,
    /// The lower end of the gain's interval must be at least this, percent points. 0: surely no
    /// worse; negative: so much may be lost, as for a quantised copy.
    pub least_gain: f64,
    /// A class may lose this much, percent points; more is a no where the interval shows a loss.
    pub most_class_loss: f64,
    /// With fewer scenes the answer is no.
    pub least_scenes: usize,
    /// The comparison.
    pub bootstrap: Bootstrap,
}

impl GateRules {
    /// Surely no worse in `measures`, no class 2 points worse, at least 100 scenes.
    #[must_use]
    pub fn no_worse(measures: &[&str]) -> Self {
        Self {
            measures: measures.iter().map(|&m| m.to_owned()).collect(),
            least_gain: 0.0,
            most_class_loss: 2.0,
            least_scenes: 100,
            bootstrap: Bootstrap::default(),
        }
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the candidate may take the incumbent's place.
    pub yes: bool,
    /// Why, one sentence each; those against it where it is a no.
    pub reasons: Vec<String>,
    /// All comparisons, each measure's mean before its classes.
    pub comparisons: Vec<Comparison>,
}

/// Decides.
///
/// # Errors
/// Where the two were evaluated on different scenes or by different rules, or lack a measure.
pub fn decide(
    candidate: &Statistics,
    incumbent: &Statistics,
    rules: &GateRules,
) -> Result<Verdict, EvalError> {
    let (mut for_it, mut against) = (Vec::new(), Vec::new());
    let mut comparisons = Vec::new();
    let scenes = candidate.scenes.len();
    if scenes < rules.least_scenes {
        against.push(format!(
            "{scenes} scenes are too few; label at least {}",
            rules.least_scenes
        ));
    }
    for measure in &rules.measures {
        let compared = rules.bootstrap.compare(candidate, incumbent, measure)?;
        for c in &compared {
            let what = match &c.class {
                None => format!("{measure} mAP"),
                Some(class) => format!("{measure} AP of {class}"),
            };
            let figures = format!(
                "{what}: {:+.2} points, {:.0} % interval [{:+.2}, {:+.2}]",
                c.difference,
                100.0 * rules.bootstrap.confidence,
                c.low,
                c.high
            );
            match c.class {
                None if c.low >= rules.least_gain => {
                    for_it.push(format!("{figures}, at least {:+.2}", rules.least_gain));
                }
                None => against.push(format!(
                    "{figures}, not surely at least {:+.2}",
                    rules.least_gain
                )),
                Some(_) if -c.difference > rules.most_class_loss && c.high < 0.0 => {
                    against.push(format!(
                        "{figures}, loses more than {:.2}",
                        rules.most_class_loss
                    ));
                }
                Some(_) => {}
            }
        }
        comparisons.extend(compared);
    }
    if rules.measures.is_empty() {
        against.push("no measure was asked for".to_owned());
    }
    let yes = against.is_empty();
    Ok(Verdict {
        yes,
        reasons: if yes { for_it } else { against },
        comparisons,
    })
}
