//! The vehicle's front radar, of whichever kind.

use crate::config::DriveConfig;
use crate::echo::Source;
use crate::imaging::ImagingRadar;
use crate::radar::{MAX_AZIMUTH, MAX_RANGE_M, Radar};
use crate::rng::Rng;
use crate::truth::Reach;
use crate::world::World;
use drafthorse_core::{Pose, RadarPoint};

/// A radar of any kind.
pub(crate) enum FrontRadar {
    Sample(Box<Radar>),
    Imaging(Box<ImagingRadar>),
}

impl FrontRadar {
    /// The radar that a drive asks for, mounted at `mount`.
    pub(crate) fn new(config: &DriveConfig, mount: Pose) -> Self {
        match config.radar.model() {
            None => Self::Sample(Box::new(Radar::new(
                mount,
                Rng::new(config.seed, 6),
                config.unambiguous_mps.max(1.0),
                config.moving_share,
            ))),
            Some(model) => Self::Imaging(Box::new(ImagingRadar::new(
                mount,
                model,
                config.weather,
                config.seed,
            ))),
        }
    }

    /// Half of its unambiguous interval of range rate, m/s.
    pub(crate) fn unambiguous_mps(&self) -> f64 {
        match self {
            Self::Sample(radar) => radar.unambiguous_mps,
            Self::Imaging(radar) => radar.model.unambiguous_mps,
        }
    }

    pub(crate) fn mount(&self) -> Pose {
        match self {
            Self::Sample(radar) => radar.mount,
            Self::Imaging(radar) => radar.mount,
        }
    }

    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::Sample(_) => Reach {
                range_m: MAX_RANGE_M,
                azimuth_rad: MAX_AZIMUTH,
            },
            Self::Imaging(radar) => Reach {
                range_m: radar.model.max_range_m,
                azimuth_rad: radar.model.max_azimuth_rad,
            },
        }
    }

    /// Road users with a surface in view of the latest scan; none known of the sample radar.
    pub(crate) fn in_view(&self) -> &[u32] {
        match self {
            Self::Sample(_) => &[],
            Self::Imaging(radar) => radar.in_view(),
        }
    }

    /// Fills the returns of scan number `index` and, for each, what it comes from.
    pub(crate) fn scan(
        &mut self,
        world: &World,
        index: u64,
        points: &mut Vec<RadarPoint>,
        sources: &mut Vec<Source>,
    ) {
        match self {
            Self::Sample(radar) => radar.scan(world, points, sources),
            Self::Imaging(radar) => radar.scan(world, index, points, sources),
        }
    }
}
