//! The ground plan of a drive: the road, its cross-section, and the streets that cross it.

use crate::junctions::Junctions;
use crate::layout::Layout;
use crate::path::{BEHIND_M, Path};
use crate::rng::Rng;
use crate::town::Plan;

/// Everything that traffic and scenery are laid out by.
pub(crate) struct Streets {
    pub(crate) path: Path,
    pub(crate) layout: Layout,
    pub(crate) junctions: Junctions,
}

impl Streets {
    /// Streets for a drive of `ahead_m` metres; `stream` gives the random streams by name.
    pub(crate) fn generate(stream: impl Fn(u64) -> Rng, plan: &Plan, ahead_m: f64) -> Self {
        let path = Path::generate(&mut stream(1), ahead_m, plan.straight);
        let layout = Layout::generate(&mut stream(2), plan, -BEHIND_M, path.end_m());
        let junctions = Junctions::generate(&mut stream(7), plan, &path, &layout);
        Self {
            path,
            layout,
            junctions,
        }
    }

    /// The line of a road: 0 is the road that the vehicle drives on.
    pub(crate) fn line(&self, road: usize) -> &Path {
        match road.checked_sub(1).and_then(|i| self.junctions.all.get(i)) {
            Some(junction) => &junction.line,
            None => &self.path,
        }
    }

    /// Where somebody on a road is along the vehicle's road.
    pub(crate) fn along(&self, road: usize, s: f64) -> f64 {
        match road.checked_sub(1).and_then(|i| self.junctions.all.get(i)) {
            Some(junction) => junction.s,
            None => s,
        }
    }
}
