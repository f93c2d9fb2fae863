//! The governor's knobs as the lanes see them.

use super::lock;
use drafthorse_governor::Settings;
use std::sync::Mutex;

/// What is given up now; at full quality where there is no governor.
pub(crate) struct Knobs(Mutex<Settings>);

impl Default for Knobs {
    fn default() -> Self {
        Self(Mutex::new(Settings::FULL))
    }
}

impl Knobs {
    pub(crate) fn now(&self) -> Settings {
        *lock(&self.0)
    }

    pub(super) fn turn(&self, to: Settings) {
        *lock(&self.0) = to;
    }
}

/// Takes a share of what comes, evenly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    owed: f64,
}

impl Share {
    /// Whether the next one is among the share.
    pub(crate) fn takes(&mut self, share: f64) -> bool {
        self.owed += share;
        // A third three times is a whole one.
        let takes = self.owed > 1.0 - 1e-9;
        if takes {
            self.owed -= 1.0;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn a_share_is_taken_evenly() {
        let taken = |shares: &[f64]| -> String {
            let mut share = Share::default();
            let take = |&of: &f64| if share.takes(of) { 'x' } else { '-' };
            shares.iter().map(take).collect()
        };
        assert_eq!(taken(&[1.0; 4]), "xxxx");
        assert_eq!(taken(&[0.0; 4]), "----");
        assert_eq!(taken(&[0.5; 6]), "-x-x-x");
        assert_eq!(taken(&[1.0 / 3.0; 9]), "--x--x--x");
        assert_eq!(taken(&[0.75; 8]), "-xxx-xxx");
        // All of a whole share, none of none, whatever is still owed of another.
        assert_eq!(taken(&[0.9, 1.0, 1.0, 0.0, 0.5, 0.5]), "-xx-x-");
    }
}
