//! Families of worlds: what a town's streets look like and who is on them.

use crate::layout::Zone;
use serde::{Deserialize, Serialize};

/// A family of layouts and traffic. Drives of one town differ by their seed; towns differ in all
/// that a detector could learn by heart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Town {
    /// One winding road of changing surroundings, without junctions.
    #[default]
    Sample,
    /// Narrow streets, many people, bicycles and parked cars.
    OldTown,
    /// Wide streets with trees, junctions every block, buses.
    Boulevard,
    /// Houses behind hedges, few people.
    Gardens,
    /// Fast, between rails and noise barriers.
    RingRoad,
    /// Trucks, containers, cars parked in rows, rails.
    Harbour,
    /// Straight and fast, with far sight.
    Highway,
}

impl Town {
    /// Its name, as in configurations and shards.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::OldTown => "old-town",
            Self::Boulevard => "boulevard",
            Self::Gardens => "gardens",
            Self::RingRoad => "ring-road",
            Self::Harbour => "harbour",
            Self::Highway => "highway",
        }
    }
}

/// The numbers behind a town.
pub(crate) struct Plan {
    /// How much longer and wider straights and bends are than in the sample town.
    pub(crate) straight: f64,
    /// Lanes in the vehicle's direction and oncoming ones, drawn with equal chance.
    pub(crate) lanes: [(usize, usize); 4],
    /// Surroundings, in the order in which stretches may follow each other.
    pub(crate) zones: [Zone; 4],
    /// Length of a stretch, m.
    pub(crate) stretch_m: [f64; 2],
    /// Distance between vehicles of a lane, m.
    pub(crate) gap_m: [f64; 2],
    /// Speeds that drivers like, against those of the sample town.
    pub(crate) speed: f64,
    /// Share of trucks among moving vehicles.
    pub(crate) truck_share: f64,
    /// Share of buses among trucks.
    pub(crate) bus_share: f64,
    /// Share of vans among cars.
    pub(crate) van_share: f64,
    /// Parked cars, people on foot and cyclists, against the zone's usual numbers.
    pub(crate) parked: f64,
    pub(crate) walking: f64,
    pub(crate) riding: f64,
    /// Distance between junctions, m; none without.
    pub(crate) junction_every_m: Option<[f64; 2]>,
    /// Chance a slot of pavement of people who stand together or with a bicycle.
    pub(crate) standing: f64,
    /// Chance that somebody walks in company.
    pub(crate) company: f64,
    /// Chance that a stretch of roadside is a row of cars parked across.
    pub(crate) lots: f64,
    /// Chance a slot of pavement of bicycle racks, bins and benches.
    pub(crate) furniture: f64,
}

use Zone::{Rural, Suburb, Town as Dense, Walled};

const SAMPLE: Plan = Plan {
    straight: 1.0,
    lanes: [(1, 1), (2, 1), (2, 2), (2, 2)],
    zones: [Dense, Rural, Suburb, Walled],
    stretch_m: [90.0, 170.0],
    gap_m: [14.0, 75.0],
    speed: 1.0,
    truck_share: 0.16,
    bus_share: 0.0,
    van_share: 0.0,
    parked: 1.0,
    walking: 1.0,
    riding: 1.0,
    junction_every_m: None,
    standing: 0.0,
    company: 0.0,
    lots: 0.0,
    furniture: 0.0,
};

impl Town {
    /// The town's numbers.
    pub(crate) fn plan(self) -> Plan {
        match self {
            Self::Sample => SAMPLE,
            Self::OldTown => Plan {
                lanes: [(1, 1), (1, 1), (1, 1), (2, 1)],
                zones: [Dense, Dense, Suburb, Dense],
                gap_m: [12.0, 60.0],
                speed: 0.55,
                truck_share: 0.1,
                bus_share: 0.35,
                van_share: 0.15,
                parked: 0.9,
                walking: 1.0,
                riding: 3.0,
                junction_every_m: Some([60.0, 130.0]),
                standing: 0.05,
                company: 0.45,
                lots: 0.1,
                furniture: 0.14,
                ..SAMPLE
            },
            Self::Boulevard => Plan {
                lanes: [(2, 1), (2, 2), (2, 2), (1, 1)],
                zones: [Dense, Suburb, Dense, Suburb],
                gap_m: [11.0, 55.0],
                speed: 0.75,
                truck_share: 0.16,
                bus_share: 0.5,
                van_share: 0.15,
                parked: 0.8,
                walking: 0.8,
                riding: 2.5,
                junction_every_m: Some([80.0, 150.0]),
                standing: 0.035,
                company: 0.35,
                lots: 0.15,
                furniture: 0.1,
                ..SAMPLE
            },
            Self::Gardens => Plan {
                lanes: [(1, 1), (1, 1), (1, 1), (2, 1)],
                zones: [Suburb, Suburb, Rural, Suburb],
                gap_m: [15.0, 85.0],
                speed: 0.65,
                truck_share: 0.1,
                bus_share: 0.3,
                van_share: 0.2,
                parked: 1.6,
                walking: 1.6,
                riding: 2.5,
                junction_every_m: Some([80.0, 170.0]),
                standing: 0.03,
                company: 0.35,
                lots: 0.25,
                furniture: 0.06,
                ..SAMPLE
            },
            Self::RingRoad => Plan {
                lanes: [(2, 2), (2, 2), (2, 1), (2, 2)],
                zones: [Walled, Rural, Suburb, Rural],
                stretch_m: [110.0, 220.0],
                gap_m: [12.0, 60.0],
                speed: 0.95,
                truck_share: 0.25,
                bus_share: 0.15,
                van_share: 0.2,
                parked: 1.0,
                walking: 1.5,
                riding: 2.5,
                junction_every_m: Some([130.0, 260.0]),
                standing: 0.012,
                company: 0.3,
                lots: 0.2,
                furniture: 0.05,
                ..SAMPLE
            },
            Self::Harbour => Plan {
                lanes: [(1, 1), (2, 1), (1, 1), (2, 2)],
                zones: [Walled, Dense, Rural, Suburb],
                stretch_m: [60.0, 140.0],
                gap_m: [12.0, 65.0],
                speed: 0.7,
                truck_share: 0.35,
                bus_share: 0.12,
                van_share: 0.3,
                parked: 0.9,
                walking: 1.1,
                riding: 2.8,
                junction_every_m: Some([70.0, 160.0]),
                standing: 0.035,
                company: 0.25,
                lots: 0.35,
                furniture: 0.1,
                ..SAMPLE
            },
            Self::Highway => Plan {
                straight: 6.0,
                lanes: [(2, 2), (2, 2), (3, 2), (3, 3)],
                zones: [Rural, Walled, Rural, Rural],
                stretch_m: [150.0, 400.0],
                gap_m: [20.0, 110.0],
                speed: 1.3,
                truck_share: 0.3,
                bus_share: 0.1,
                van_share: 0.2,
                parked: 0.1,
                walking: 0.2,
                riding: 0.0,
                ..SAMPLE
            },
        }
    }
}
