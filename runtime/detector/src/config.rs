//! The detector's settings. Lengths in metres, angles in radians, speeds in metres per second,
//! times in seconds.

use crate::error::DetectorError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All settings of the perception baseline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorConfig {
    /// Ego motion from radial velocities.
    pub ego: EgoConfig,
    /// Splitting, clustering and box fit.
    pub clustering: ClusterConfig,
    /// Multi-object tracking.
    pub tracking: TrackingConfig,
    /// Reach of particular sensors; sensors not listed see 60 degrees to either side and 300 m far.
    pub fields_of_view: Vec<FieldOfView>,
}

/// Settings of the ego-motion estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EgoConfig {
    /// RANSAC hypotheses a scan.
    pub hypotheses: u32,
    /// Fewest stationary returns that count as an observation.
    pub min_inliers: u32,
    /// Smallest share of the returns that must be stationary, 0 to 1.
    pub min_inlier_share: f64,
    /// Standard deviation of range rate assumed where the radar states none, m/s.
    pub range_rate_std_mps: f64,
    /// Standard deviation of azimuth assumed where the radar states none, rad.
    pub azimuth_std_rad: f64,
    /// Standard deviation of elevation, rad. Scans do not carry it.
    pub elevation_std_rad: f64,
    /// Spread of the mounting pitch error: the vertical velocity it fakes, as a share of speed.
    pub pitch_std_rad: f64,
    /// Inlier gate in standard deviations.
    pub gate_sigmas: f64,
    /// Process noise of the acceleration, m/s^2 per square root of a second.
    pub acceleration_noise: f64,
    /// Process noise of the yaw rate, rad/s per square root of a second.
    pub yaw_rate_noise: f64,
    /// Standard deviation of an external (CAN) speed, m/s, to which 2 % of it is added.
    pub external_speed_std_mps: f64,
    /// Measured speeds below this count as standing, m/s; twice this ends standing.
    pub standing_speed_mps: f64,
    /// Longest time a motion is carried on by prediction as a prior, s.
    pub carry_s: f64,
}

impl Default for EgoConfig {
    fn default() -> Self {
        Self {
            hypotheses: 96,
            min_inliers: 8,
            min_inlier_share: 0.15,
            range_rate_std_mps: 0.1,
            azimuth_std_rad: 0.008,
            elevation_std_rad: 0.02,
            pitch_std_rad: 0.03,
            gate_sigmas: 3.0,
            acceleration_noise: 3.0,
            yaw_rate_noise: 0.15,
            external_speed_std_mps: 0.2,
            standing_speed_mps: 0.06,
            carry_s: 2.0,
        }
    }
}

/// Settings of splitting, clustering and box fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
    /// Returns nearer than this are discarded, m.
    pub min_range_m: f64,
    /// A return is moving beyond this many standard deviations of its residual.
    pub moving_sigmas: f64,
    /// A return is never moving below this residual, m/s.
    pub moving_floor_mps: f64,
    /// Lowest plausible height over the road, m (elevation noise is added).
    pub lowest_m: f64,
    /// Greatest plausible height over the road, m (elevation noise is added).
    pub highest_m: f64,
    /// Neighbourhood radius of moving returns at range 0, m.
    pub moving_eps_m: f64,
    /// Growth of that radius per metre of range (angular resolution), rad.
    pub moving_eps_rad: f64,
    /// Neighbourhood radius of moving returns in residual radial speed, m/s.
    pub moving_eps_mps: f64,
    /// Returns (itself included) within the radius that make a moving return a core.
    pub moving_min_points: u32,
    /// Returns of a moving cluster that may begin a track; fewer only continue one.
    pub moving_birth_points: u32,
    /// Neighbourhood radius of stationary returns at range 0, m.
    pub stationary_eps_m: f64,
    /// Growth of that radius per metre of range, rad.
    pub stationary_eps_rad: f64,
    /// Returns that make a stationary return a core.
    pub stationary_min_points: u32,
    /// Fewest returns of a stationary cluster that becomes a detection.
    pub stationary_box_points: u32,
    /// Largest neighbourhood radius, m.
    pub max_eps_m: f64,
    /// Whether stationary clusters of vehicle size become detections.
    pub stationary_detections: bool,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            min_range_m: 0.5,
            moving_sigmas: 3.5,
            moving_floor_mps: 0.3,
            lowest_m: -1.5,
            highest_m: 4.5,
            moving_eps_m: 3.3,
            moving_eps_rad: 0.008,
            moving_eps_mps: 1.2,
            moving_min_points: 1,
            moving_birth_points: 2,
            stationary_eps_m: 1.0,
            stationary_eps_rad: 0.008,
            stationary_min_points: 3,
            stationary_box_points: 4,
            max_eps_m: 4.0,
            stationary_detections: true,
        }
    }
}

/// How detections are given to tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Association {
    /// The assignment of least total cost over all tracks and detections.
    #[default]
    Assignment,
    /// Each track, oldest first, takes the detection in its gate whose centre is nearest (in
    /// metres) and that no older track took: the comparison baseline.
    Nearest,
}

/// Settings of the tracker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrackingConfig {
    /// How detections are given to tracks.
    pub association: Association,
    /// Gate on the squared Mahalanobis distance of position and radial speed.
    pub gate: f64,
    /// Acceleration noise of a vehicle, m/s^2.
    pub acceleration_mps2: f64,
    /// Standard deviation of one detection's radial speed, m/s.
    pub radial_speed_std_mps: f64,
    /// Hits within `birth_window` scans of the same radar that confirm a track.
    pub birth_hits: u32,
    /// Scans within which the hits must fall, at most 32.
    pub birth_window: u32,
    /// Consecutive expected but missing detections that end a confirmed track; until then a hidden
    /// object that comes back keeps its id.
    pub death_misses: u32,
    /// Time without a detection after which a track is no longer shown, and after which it ends
    /// where no radar could have seen it, s.
    pub hide_s: f64,
    /// Longest time without a detection, s.
    pub max_coast_s: f64,
    /// A gap or jump of the capture time beyond this drops all tracks, s.
    pub max_gap_s: f64,
    /// Margin around a track's box within which an unassigned detection is held to be another part
    /// of the same object, m.
    pub one_object_m: f64,
    /// Greatest difference of speed between two parts of one object (wheels, limbs), m/s.
    pub one_object_mps: f64,
    /// Largest standard deviation of position a track may have, m.
    pub max_position_std_m: f64,
    /// Most tracks at once, confirmed and tentative.
    pub max_tracks: u32,
}

impl Default for TrackingConfig {
    fn default() -> Self {
        Self {
            association: Association::Assignment,
            gate: 16.0,
            acceleration_mps2: 3.5,
            radial_speed_std_mps: 0.2,
            birth_hits: 3,
            birth_window: 5,
            death_misses: 30,
            hide_s: 0.4,
            max_coast_s: 1.5,
            max_gap_s: 1.0,
            one_object_m: 0.7,
            one_object_mps: 3.0,
            max_position_std_m: 4.0,
            max_tracks: 256,
        }
    }
}

/// Where a radar can see, in its own frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FieldOfView {
    /// Index of the sensor in the run's configuration.
    pub sensor: u16,
    /// Half of the horizontal opening angle, rad.
    pub half_azimuth_rad: f64,
    /// Greatest range, m.
    pub max_range_m: f64,
}

impl Default for FieldOfView {
    fn default() -> Self {
        Self {
            sensor: 0,
            half_azimuth_rad: 60.0 * std::f64::consts::PI / 180.0,
            max_range_m: 300.0,
        }
    }
}

impl DetectorConfig {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// Names the first setting that is not finite or outside its range.
    pub fn check(&self) -> Result<(), DetectorError> {
        let (e, c, t) = (&self.ego, &self.clustering, &self.tracking);
        let positive = [
            ("ego.range_rate_std_mps", e.range_rate_std_mps),
            ("ego.azimuth_std_rad", e.azimuth_std_rad),
            ("ego.elevation_std_rad", e.elevation_std_rad),
            ("ego.pitch_std_rad", e.pitch_std_rad),
            ("ego.gate_sigmas", e.gate_sigmas),
            ("ego.acceleration_noise", e.acceleration_noise),
            ("ego.yaw_rate_noise", e.yaw_rate_noise),
            ("ego.external_speed_std_mps", e.external_speed_std_mps),
            ("ego.standing_speed_mps", e.standing_speed_mps),
            ("ego.carry_s", e.carry_s),
            ("clustering.min_range_m", c.min_range_m),
            ("clustering.moving_sigmas", c.moving_sigmas),
            ("clustering.moving_floor_mps", c.moving_floor_mps),
            ("clustering.moving_eps_m", c.moving_eps_m),
            ("clustering.moving_eps_mps", c.moving_eps_mps),
            ("clustering.stationary_eps_m", c.stationary_eps_m),
            ("clustering.max_eps_m", c.max_eps_m),
            ("tracking.gate", t.gate),
            ("tracking.acceleration_mps2", t.acceleration_mps2),
            ("tracking.radial_speed_std_mps", t.radial_speed_std_mps),
            ("tracking.hide_s", t.hide_s),
            ("tracking.max_coast_s", t.max_coast_s),
            ("tracking.max_gap_s", t.max_gap_s),
            ("tracking.one_object_m", t.one_object_m),
            ("tracking.one_object_mps", t.one_object_mps),
            ("tracking.max_position_std_m", t.max_position_std_m),
        ];
        for (name, value) in positive {
            require(
                name,
                value,
                value.is_finite() && value > 0.0,
                "a positive number",
            )?;
        }
        let not_negative = [
            ("clustering.moving_eps_rad", c.moving_eps_rad),
            ("clustering.stationary_eps_rad", c.stationary_eps_rad),
        ];
        for (name, value) in not_negative {
            require(
                name,
                value,
                value.is_finite() && value >= 0.0,
                "0 or a positive number",
            )?;
        }
        let share = e.min_inlier_share;
        require(
            "ego.min_inlier_share",
            share,
            (0.0..=1.0).contains(&share),
            "between 0 and 1",
        )?;
        let band = c.lowest_m.is_finite() && c.highest_m.is_finite() && c.lowest_m < c.highest_m;
        require(
            "clustering.lowest_m",
            c.lowest_m,
            band,
            "below clustering.highest_m",
        )?;
        let counts = [
            ("ego.hypotheses", e.hypotheses, 1, 100_000),
            ("ego.min_inliers", e.min_inliers, 3, 100_000),
            ("clustering.moving_min_points", c.moving_min_points, 1, 1000),
            (
                "clustering.moving_birth_points",
                c.moving_birth_points,
                1,
                1000,
            ),
            (
                "clustering.stationary_min_points",
                c.stationary_min_points,
                1,
                1000,
            ),
            (
                "clustering.stationary_box_points",
                c.stationary_box_points,
                1,
                1000,
            ),
            ("tracking.birth_window", t.birth_window, 1, 32),
            ("tracking.birth_hits", t.birth_hits, 1, t.birth_window),
            ("tracking.death_misses", t.death_misses, 1, 1000),
            ("tracking.max_tracks", t.max_tracks, 1, 4096),
        ];
        for (name, value, low, high) in counts {
            let fits = (low..=high).contains(&value);
            require(
                name,
                f64::from(value),
                fits,
                "a count within its documented range",
            )?;
        }
        for view in &self.fields_of_view {
            let (half, range) = (view.half_azimuth_rad, view.max_range_m);
            let name = "fields_of_view.half_azimuth_rad";
            require(
                name,
                half,
                half > 0.0 && half <= std::f64::consts::PI,
                "above 0, at most pi",
            )?;
            let name = "fields_of_view.max_range_m";
            require(
                name,
                range,
                range.is_finite() && range > 0.0,
                "a positive number",
            )?;
        }
        Ok(())
    }

    /// The reach of that sensor: its entry, or the default.
    #[must_use]
    pub fn field_of_view(&self, sensor: u16) -> FieldOfView {
        let listed = self.fields_of_view.iter().find(|v| v.sensor == sensor);
        listed.copied().unwrap_or(FieldOfView {
            sensor,
            ..FieldOfView::default()
        })
    }
}

fn require(
    name: &'static str,
    value: f64,
    holds: bool,
    expected: &'static str,
) -> Result<(), DetectorError> {
    if holds {
        return Ok(());
    }
    let value = value.to_string();
    Err(DetectorError::Setting {
        name,
        value,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        assert_eq!(DetectorConfig::default().check(), Ok(()));
    }

    #[test]
    fn values_out_of_range_are_named() {
        let mut config = DetectorConfig::default();
        config.tracking.gate = f64::NAN;
        let message = config.check().unwrap_err().to_string();
        assert!(message.contains("tracking.gate"), "{message}");
        let mut config = DetectorConfig::default();
        config.tracking.birth_hits = 9;
        assert!(config.check().is_err());
        let mut config = DetectorConfig::default();
        config.clustering.lowest_m = 9.0;
        assert!(config.check().is_err());
    }
}
