//! Scales and zero points of a plan's values, with values that are to share them brought together.

use super::Plan;
use crate::affine::Affine;
use crate::error::QuantiseError;
use crate::ranges::{Range, Ranges};
use std::collections::BTreeMap;

/// A scale and zero point for each value of the plan.
pub(super) fn scales(
    plan: &Plan,
    ranges: &Ranges,
) -> Result<BTreeMap<String, Affine>, QuantiseError> {
    let mut classes = Classes::of(plan, ranges)?;
    for (a, b) in &plan.tied {
        classes.join(a, b);
    }
    for (a, b) in &plan.may_tie {
        if classes.may_join(a, b) {
            classes.join(a, b);
        }
    }
    let grid = plan.options.convention.grid();
    let mut lines = BTreeMap::new();
    for value in plan.values() {
        let class = &classes.all[classes.of_value(value)];
        lines.insert(value.clone(), grid.fit(class.range));
    }
    Ok(lines)
}

/// Values with one scale.
struct Class {
    range: Range,
    /// One of them needs the zero point 0.
    is_rectified: bool,
}

struct Classes {
    all: Vec<Class>,
    class_of: BTreeMap<String, usize>,
}

impl Classes {
    fn of(plan: &Plan, ranges: &Ranges) -> Result<Self, QuantiseError> {
        let mut classes = Self {
            all: Vec::new(),
            class_of: BTreeMap::new(),
        };
        for value in plan.values() {
            let is_rectified = plan
                .about
                .get(value)
                .is_some_and(|about| about.is_rectified);
            let mut range = ranges.of(value)?.with_zero();
            if is_rectified {
                range.min = 0.0;
            }
            classes.class_of.insert(value.clone(), classes.all.len());
            classes.all.push(Class {
                range,
                is_rectified,
            });
        }
        Ok(classes)
    }

    fn of_value(&self, value: &str) -> usize {
        self.class_of.get(value).copied().unwrap_or_default()
    }

    /// Whether joining leaves the zero point 0 where it is needed.
    fn may_join(&self, a: &str, b: &str) -> bool {
        let (a, b) = (&self.all[self.of_value(a)], &self.all[self.of_value(b)]);
        let is_rectified = a.is_rectified || b.is_rectified;
        !is_rectified || a.range.min >= 0.0 && b.range.min >= 0.0
    }

    fn join(&mut self, a: &str, b: &str) {
        let (to, from) = (self.of_value(a), self.of_value(b));
        if to == from {
            return;
        }
        self.all[to] = Class {
            range: self.all[to].range.union(self.all[from].range),
            is_rectified: self.all[to].is_rectified || self.all[from].is_rectified,
        };
        let moved = self.class_of.values_mut().filter(|class| **class == from);
        moved.for_each(|class| *class = to);
    }
}
