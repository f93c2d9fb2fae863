//! Which scenes are wanted: towns, contents, weathers and lights, each combination before any twice.

use super::air::{LIGHTS, WEATHERS, index};
use super::facts::Facts;
use super::object::Object;
use crate::rng::Rng;
use crate::town::Town;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// What scenes are for. Splits share no seed of a drive; `Test` has a town of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// To learn from.
    Train,
    /// To watch the training on: the towns of training, other drives.
    Val,
    /// To judge by: another town.
    Test,
}

/// Drives of one split are numbered below this.
const DRIVES_OF_A_SPLIT: u64 = 10_000_000;

impl Split {
    /// Its towns, which drives go through in turn.
    #[must_use]
    pub fn towns(self) -> &'static [Town] {
        match self {
            Self::Train | Self::Val => &[
                Town::OldTown,
                Town::Boulevard,
                Town::Gardens,
                Town::RingRoad,
                Town::Highway,
            ],
            Self::Test => &[Town::Harbour],
        }
    }

    /// Seed of its drive number `drive`, for scenes of `seed`.
    #[must_use]
    pub fn drive_seed(self, seed: u64, drive: u64) -> u64 {
        // Far from the seeds of radar shards.
        (1 << 40) + (seed * 3 + self as u64) * DRIVES_OF_A_SPLIT + drive
    }
}

/// What a scene is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Nobody straight ahead.
    Free,
    /// A car straight ahead.
    Car,
    /// Three cars or more.
    Cars,
    /// A truck or bus.
    Truck,
    /// A cyclist.
    Cyclist,
    /// Somebody on foot.
    Pedestrian,
    /// Three people on foot or more.
    People,
    /// A red traffic light.
    Red,
    /// A green traffic light.
    Green,
    /// A zebra crossing.
    Zebra,
}

/// Distance up to which somebody is likely to be seen, m.
const NEAR_M: f64 = 36.0;

/// Distance from which on somebody ahead may well go unseen, m.
const CLEAR_M: f64 = 60.0;

impl Content {
    const ALL: [Self; 10] = [
        Self::Free,
        Self::Car,
        Self::Cars,
        Self::Truck,
        Self::Cyclist,
        Self::Pedestrian,
        Self::People,
        Self::Red,
        Self::Green,
        Self::Zebra,
    ];

    /// What an instant may be worth, before its picture is looked at: the nearest light, and whether
    /// there is a zebra crossing, where they count.
    pub(crate) fn offered(objects: &[Object], green: Option<bool>, zebra: bool) -> Vec<Self> {
        let near = |class: u8| {
            let own = objects
                .iter()
                .filter(|o| o.class == class && o.distance_m < NEAR_M);
            own.count()
        };
        let in_middle = |o: &&Object| (0.4..0.6).contains(&o.across());
        let ahead = objects.iter().find(in_middle);
        let offers = |content: &Self| match content {
            Self::Free => ahead.is_none_or(|o| o.distance_m > CLEAR_M),
            Self::Car => ahead.is_some_and(|o| o.class == 0 && o.distance_m < NEAR_M),
            Self::Cars => near(0) >= 3,
            Self::Truck => near(1) >= 1,
            Self::Cyclist => near(2) >= 1,
            Self::Pedestrian => near(3) >= 1,
            Self::People => near(3) >= 3,
            Self::Red => green == Some(false),
            Self::Green => green == Some(true),
            Self::Zebra => zebra,
        };
        Self::ALL.into_iter().filter(offers).collect()
    }

    /// Whether the facts of a scene have it.
    pub(crate) fn is_in(self, facts: &Facts) -> bool {
        let is = |key: &str, values: &[&str]| {
            facts.get(key).is_some_and(|v| values.contains(&v.as_str()))
        };
        match self {
            Self::Free => is("ahead", &["nobody"]),
            Self::Car => is("ahead", &["car"]),
            Self::Cars => is("count.car", &["3", "4+"]),
            Self::Truck => is("present.truck", &["yes"]),
            Self::Cyclist => is("present.cyclist", &["yes"]),
            Self::Pedestrian => is("present.pedestrian", &["yes"]),
            Self::People => is("count.pedestrian", &["3", "4+"]),
            Self::Red => is("signal", &["red"]),
            Self::Green => is("signal", &["green"]),
            Self::Zebra => is("zebra", &["yes"]),
        }
    }
}

/// A wanted scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) town: usize,
    pub(crate) content: Content,
    /// Index of weather and light in [`super::air::Airs`].
    pub(crate) air: usize,
}

/// One round of weathers and lights of a town and content.
#[derive(Default)]
struct Deck {
    /// Those that are left, with how often each was tried.
    left: VecDeque<(usize, u32)>,
    served: u64,
}

/// Wishes that are left. Of each town and content every weather and light comes once before any
/// comes again; one that fails goes back behind the others, and is given up after many tries.
pub(crate) struct Plan {
    decks: BTreeMap<(usize, Content), Deck>,
    rng: Rng,
    /// Wishes that were given up.
    pub(crate) given_up: u64,
}

/// Pictures that may fail to show a wanted content before it is given up.
const TRIES: u32 = 10;

impl Plan {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            decks: BTreeMap::new(),
            rng,
            given_up: 0,
        }
    }

    /// The wish that an instant in `town` should fulfil: of the offered contents the one that was
    /// served least. Answer with [`Plan::served`] or [`Plan::failed`].
    pub(crate) fn draw(&mut self, town: usize, offered: &[Content]) -> Option<Wish> {
        let served = |c: &&Content| self.decks.get(&(town, **c)).map_or(0, |d| d.served);
        let content = *offered.iter().min_by_key(served)?;
        let deck = self.decks.entry((town, content)).or_default();
        if deck.left.is_empty() {
            let mut airs: Vec<usize> =
                (0..index(WEATHERS.len() - 1, LIGHTS.len() - 1) + 1).collect();
            for i in (1..airs.len()).rev() {
                airs.swap(i, self.rng.index(i + 1));
            }
            deck.left.extend(airs.into_iter().map(|air| (air, 0)));
        }
        let air = deck.left.front()?.0;
        Some(Wish { town, content, air })
    }

    /// The wish that was drawn last has its scene.
    pub(crate) fn served(&mut self, wish: Wish) {
        if let Some(deck) = self.decks.get_mut(&(wish.town, wish.content)) {
            deck.left.pop_front();
            deck.served += 1;
        }
    }

    /// The wish that was drawn last has no scene yet.
    pub(crate) fn failed(&mut self, wish: Wish) {
        let Some(deck) = self.decks.get_mut(&(wish.town, wish.content)) else {
            return;
        };
        if let Some((air, tries)) = deck.left.pop_front() {
            if tries + 1 < TRIES {
                deck.left.push_back((air, tries + 1));
            } else {
                self.given_up += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_combination_comes_before_any_comes_again() {
        let mut plan = Plan::new(Rng::new(1, 1));
        let mut rng = Rng::new(2, 2);
        for _ in 0..3 {
            let mut seen = BTreeSet::new();
            while seen.len() < 32 {
                let wish = plan.draw(0, &[Content::Car, Content::Zebra]).unwrap();
                if rng.chance(0.3) {
                    plan.failed(wish);
                } else {
                    plan.served(wish);
                    assert!(seen.insert((wish.content, wish.air)));
                }
            }
        }
        assert_eq!(plan.given_up, 0);
    }

    #[test]
    fn what_never_shows_is_given_up() {
        let mut plan = Plan::new(Rng::new(1, 1));
        for _ in 0..16 * TRIES {
            let wish = plan.draw(0, &[Content::Red]).unwrap();
            plan.failed(wish);
        }
        assert_eq!(plan.given_up, 16);
    }

    #[test]
    fn splits_share_neither_drives_nor_the_held_out_town() {
        let mut seeds = BTreeSet::new();
        for split in [Split::Train, Split::Val, Split::Test] {
            assert_eq!(split.towns().contains(&Town::Harbour), split == Split::Test);
            for (seed, drive) in (0..3).flat_map(|s| [0, 1, DRIVES_OF_A_SPLIT - 1].map(|d| (s, d)))
            {
                assert!(seeds.insert(split.drive_seed(seed, drive)));
            }
        }
    }
}
