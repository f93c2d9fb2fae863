//! The channels of a log, in a fixed order that follows from the plan alone.

use crate::plan::Plan;
use drafthorse_core::{RawFormat, SensorId};
use drafthorse_engine::Takes;
use drafthorse_record::ChannelSpec;
use drafthorse_record::messages::{
    Role, SENSOR_INDEX_KEY, SENSOR_KEY, foxglove_channel, own_channel, raw_channel,
};
use foxglove::messages::{
    CameraCalibration, CompressedImage, FrameTransform, PointCloud, SceneUpdate,
};

/// Index of a channel in [`Channels::specs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(pub u16);

macro_rules! fixed_channels {
    ($($index:literal $name:ident $topic:literal $spec:expr;)*) => {
        impl Channel {
            $(#[doc = concat!("`", $topic, "`")] pub const $name: Channel = Channel($index);)*
        }
        fn fixed() -> Vec<ChannelSpec> {
            vec![$($spec($topic)),*]
        }
    };
}

fixed_channels! {
    0 TRACKS "/tracks" |t| own_channel(t, "Tracks", Role::Derived);
    1 DETECTIONS "/detections" |t| own_channel(t, "Detections", Role::Derived);
    2 EGO "/ego" |t| own_channel(t, "EgoMotion", Role::Derived);
    3 SCENE "/scene" |t| foxglove_channel::<SceneUpdate>(t, Role::Derived);
    4 TRANSFORM "/tf" |t| foxglove_channel::<FrameTransform>(t, Role::Derived);
    5 PAIRS "/pairs" |t| own_channel(t, "Pairing", Role::Derived);
    6 FAULTS "/faults" |t| own_channel(t, "Fault", Role::Derived);
    7 EVENTS "/events" |t| own_channel(t, "Fault", Role::Input);
    8 CLOCK "/clock" |t| own_channel(t, "ClockState", Role::Input);
    9 STEP "/lanes/step" |t| own_channel(t, "LaneStep", Role::Input);
    10 DROP "/lanes/drop" |t| own_channel(t, "LaneDrop", Role::Input);
    11 CHECKPOINT "/lanes/checkpoint" |t| own_channel(t, "LaneCheckpoint", Role::Derived);
    12 LATENCY "/lanes/latency" |t| own_channel(t, "LaneLatency", Role::Measured);
    13 HEALTH "/health" |t| own_channel(t, "Health", Role::Measured);
    14 TRUTH "/truth" |t| own_channel(t, "GroundTruth", Role::Truth);
    15 MOUNTS "/tf_static" |t| foxglove_channel::<FrameTransform>(t, Role::Static);
    16 KEYFRAMES "/keyframes" |t| own_channel(t, "Keyframe", Role::Derived);
    17 NOTES "/notes" |t| own_channel(t, "Note", Role::Input);
    18 KEPT "/record/kept" |t| own_channel(t, "KeptWindow", Role::Measured);
    19 DESCRIPTIONS "/descriptions" |t| own_channel(t, "Description", Role::Measured);
    20 VERDICTS "/verdicts" |t| own_channel(t, "Verdict", Role::Measured);
    21 LINK "/link" |t| own_channel(t, "Link", Role::Measured);
    22 GOVERNOR "/governor" |t| own_channel(t, "Governor", Role::Measured);
}

/// The channels one sensor has.
#[derive(Clone, Copy, Debug)]
pub struct SensorChannels {
    /// Its raw messages.
    pub raw: Channel,
    /// A radar's decoded points; none for a CAN radar, which delivers tracks.
    pub points: Option<Channel>,
    /// What a camera has beside its raw messages.
    pub camera: Option<CameraChannels>,
}

/// The channels of a camera.
#[derive(Clone, Copy, Debug)]
pub struct CameraChannels {
    /// Its calibration.
    pub calibration: Channel,
    /// Its small pictures.
    pub preview: Channel,
    /// What was found in its frames.
    pub frame: Channel,
}

/// All channels of a log.
#[derive(Clone, Debug)]
pub struct Channels {
    specs: Vec<ChannelSpec>,
    sensors: Vec<SensorChannels>,
    networks: Vec<NetworkChannel>,
}

/// Where a network's answers to what a sensor sees go.
#[derive(Clone, Copy, Debug)]
pub struct NetworkChannel {
    /// The network's number in the plan.
    pub network: usize,
    /// The sensor.
    pub sensor: SensorId,
    /// The channel, `/SENSOR/network/NETWORK`.
    pub channel: Channel,
    /// Of a radar's: how it agrees with the clusters, `/SENSOR/network/NETWORK/check`.
    pub check: Option<Channel>,
}

/// Whether messages of a format become radar points.
pub fn gives_points(format: RawFormat) -> bool {
    !format.is_camera() && !matches!(format, RawFormat::CanFrame | RawFormat::Sync)
}

impl Channels {
    /// The channels for a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut specs = fixed();
        let mut sensors = Vec::new();
        let mut networks = Vec::new();
        for (index, sensor) in (0u16..).zip(&plan.sensors) {
            let name = &sensor.name;
            let mut add = |mut spec: ChannelSpec| {
                spec.metadata.insert(SENSOR_KEY.to_owned(), name.clone());
                spec.metadata
                    .insert(SENSOR_INDEX_KEY.to_owned(), index.to_string());
                specs.push(spec);
                Channel((specs.len() - 1) as u16)
            };
            let raw = add(raw_channel(name, index, sensor.format));
            let camera = sensor.format.is_camera().then(|| CameraChannels {
                calibration: add(foxglove_channel::<CameraCalibration>(
                    &format!("/{name}/calibration"),
                    Role::Static,
                )),
                preview: add(foxglove_channel::<CompressedImage>(
                    &format!("/{name}/preview"),
                    Role::Derived,
                )),
                frame: add(own_channel(
                    &format!("/{name}/frame"),
                    "FrameInfo",
                    Role::Derived,
                )),
            });
            let has_points = gives_points(sensor.format);
            for (network, plan) in plan.networks.iter().enumerate() {
                let is_seen = match plan.manifest.takes {
                    Takes::Picture => camera.is_some(),
                    Takes::RadarScan => has_points,
                };
                if is_seen && plan.looks_at(name) {
                    let topic = format!("/{name}/network/{}", plan.name());
                    let channel = add(own_channel(&topic, "NetworkAnswer", Role::Input));
                    let topic = format!("{topic}/check");
                    let check =
                        has_points.then(|| add(own_channel(&topic, "CrossCheck", Role::Derived)));
                    networks.push(NetworkChannel {
                        network,
                        sensor: SensorId(index),
                        channel,
                        check,
                    });
                }
            }
            let points = has_points.then(|| {
                add(foxglove_channel::<PointCloud>(
                    &format!("/{name}/points"),
                    Role::Derived,
                ))
            });
            sensors.push(SensorChannels {
                raw,
                points,
                camera,
            });
        }
        Self {
            specs,
            sensors,
            networks,
        }
    }

    /// The channels' descriptions; [`Channel`] indexes them.
    pub fn specs(&self) -> &[ChannelSpec] {
        &self.specs
    }

    /// The channels of a sensor of the plan.
    pub fn sensor(&self, sensor: SensorId) -> SensorChannels {
        self.sensors[usize::from(sensor.0)]
    }

    /// Which networks look at which sensors.
    pub fn networks(&self) -> &[NetworkChannel] {
        &self.networks
    }

    /// The channel of a topic.
    pub fn by_topic(&self, topic: &str) -> Option<Channel> {
        let index = self.specs.iter().position(|spec| spec.topic == topic)?;
        Some(Channel(index as u16))
    }
}
