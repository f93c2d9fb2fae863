//! How much a moment differs from what was before it, after ChronoForge-RL's temporal apex detection,
//! whose formula is not public. The one used here:
//!
//! `v(t) = |mean f[t, t + W) - mean f[t - W, t)|`, where `f` are a moment's weighted features. Of the
//! picture's sketch the length of the difference counts, of a radar cue only its growth: that danger
//! passes is no news. All of it counts more where somebody ahead is in danger in one of the windows:
//! braking for somebody is more than braking for a light. Means are over the moments that know the feature: a
//! slow radar has none in every other moment, and a scan that is missing is no calm.

use crate::config::{ApexConfig, ConfigError, Weights};
use crate::cues::CUES;
use crate::moment::Moment;
use crate::sketch::{SKETCH, Sketch};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Two windows of moments side by side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variation {
    window: usize,
    weights: Weights,
    moments: VecDeque<Moment>,
}

impl Variation {
    /// Windows and weights of these settings.
    ///
    /// # Errors
    /// As [`ApexConfig::check`].
    pub fn new(config: &ApexConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            window: config.window,
            weights: config.weights,
            moments: VecDeque::with_capacity(2 * config.window),
        })
    }

    /// Takes the next moment. Gives the first moment of the later window, without its sketch and with the first
    /// cues that are known from it on, and its variation, once both windows are full.
    pub fn push(&mut self, moment: &Moment) -> Option<(Moment, f32)> {
        if self.moments.len() == 2 * self.window {
            self.moments.pop_front();
        }
        self.moments.push_back(moment.clone());
        if self.moments.len() < 2 * self.window {
            return None;
        }
        let Moment {
            begin_ns,
            end_ns,
            frame,
            ..
        } = self.moments[self.window];
        let cues = self.moments.range(self.window..).find_map(|m| m.cues);
        let middle = Moment {
            begin_ns,
            end_ns,
            frame,
            sketch: None,
            cues,
        };
        Some((middle, self.between()))
    }

    /// Whether time is missing between the latest moment and `next`.
    pub(crate) fn follows_a_gap(&self, next: &Moment) -> bool {
        let last = self.moments.back();
        last.is_some_and(|last| last.end_ns != next.begin_ns)
    }

    /// Forgets all moments.
    pub(crate) fn clear(&mut self) {
        self.moments.clear();
    }

    fn between(&self) -> f32 {
        let (mut cues, mut picture) = ([[0.0_f32; CUES]; 2], [0.0_f32; SKETCH]);
        let (mut scanned, mut seen) = ([0.0_f32; 2], [0.0_f32; 2]);
        let mut danger = 0.0_f32;
        for (i, moment) in self.moments.iter().enumerate() {
            let window = usize::from(i >= self.window);
            if let Some(of_moment) = moment.cues {
                for (sum, cue) in cues[window].iter_mut().zip(of_moment.to_array()) {
                    *sum += cue;
                }
                danger = danger.max(of_moment.danger());
                scanned[window] += 1.0;
            }
            seen[window] += f32::from(u8::from(moment.sketch.is_some()));
        }
        let mut sum = 0.0;
        if scanned[0] > 0.0 && scanned[1] > 0.0 {
            let [before, after] = cues;
            for ((before, after), weight) in before.iter().zip(after).zip(self.weights.of_cues()) {
                // The difference of the means with one rounding: equal growth compares equal.
                let growth = (after * scanned[0] - before * scanned[1]) / (scanned[0] * scanned[1]);
                sum += weight * growth.max(0.0);
            }
        }
        // Where a picture is missing its window's others stand for it.
        if self.weights.picture > 0.0 && seen[0] > 0.0 && seen[1] > 0.0 {
            for (i, moment) in self.moments.iter().enumerate() {
                let share = if i < self.window {
                    -1.0 / seen[0]
                } else {
                    1.0 / seen[1]
                };
                if let Some(sketch) = &moment.sketch {
                    add(&mut picture, sketch, share);
                }
            }
            sum += self.weights.picture * picture.iter().map(|d| d * d).sum::<f32>().sqrt();
        }
        sum * (1.0 + self.weights.danger * danger)
    }
}

fn add(sum: &mut [f32; SKETCH], sketch: &Sketch, share: f32) {
    for (sum, value) in sum.iter_mut().zip(sketch.values()) {
        *sum += share * value;
    }
}
