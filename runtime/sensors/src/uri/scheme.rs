//! The schemes a source URI may have, with the shape and options of each.

use std::{fmt, net::IpAddr};

/// What stands before the colon of a source URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// UDP payloads of a Continental ARS548, one or several back to back in a file.
    Ars548,
    /// An ARS548's datagrams in a pcap or pcapng file.
    Ars548Pcap,
    /// An ARS548 on the network.
    Ars548Udp,
    /// A recorded TI mmWave byte stream.
    Ti,
    /// A TI mmWave radar on a serial port.
    TiSerial,
    /// CAN frames in a candump log.
    CanCandump,
    /// CAN frames of a SocketCAN interface.
    CanSocket,
    /// H.264 in an MP4 file.
    Video,
    /// A folder of JPEG pictures.
    Jpeg,
    /// A V4L2 camera.
    V4l2,
    /// The sync microcontroller on a serial port.
    Sync,
    /// An MCAP log, ours or ROS 2's.
    Mcap,
    /// A synthetic drive.
    Synth,
}

/// What a source yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKind {
    /// Radar messages.
    Radar,
    /// Camera pictures.
    Camera,
    /// CAN frames of a radar or of the vehicle.
    Can,
    /// Edges, inertial samples and the clock of the sync microcontroller.
    Sync,
    /// Whatever a log holds.
    Log,
    /// A whole synthetic vehicle.
    Synthetic,
}

/// What an option's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OptionRule {
    Text,
    Whole,
    Rate,
    Address,
    PixelFormat,
    Pulses,
}

impl OptionRule {
    pub(super) fn accepts(self, value: &str) -> bool {
        match self {
            Self::Text => !value.is_empty(),
            Self::Whole => value.parse::<u32>().is_ok_and(|n| n > 0),
            Self::Rate => value
                .parse::<f64>()
                .is_ok_and(|r| (0.001..=10_000.0).contains(&r)),
            Self::Address => value.parse::<IpAddr>().is_ok(),
            Self::PixelFormat => matches!(value, "yuyv" | "nv12" | "mjpeg"),
            Self::Pulses => pulses(value).is_some(),
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Whole => "a whole number above 0",
            Self::Rate => "a rate between 0.001 and 10000 a second",
            Self::Address => "the IP address of a network interface",
            Self::PixelFormat => "yuyv, nv12 or mjpeg",
            Self::Pulses => {
                "a rate of 0.01 to 1000 a second with three decimals, and after an @ the phase in ms, \
                 less than a period"
            }
        }
    }
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 13] = [
        Self::Ars548,
        Self::Ars548Pcap,
        Self::Ars548Udp,
        Self::Ti,
        Self::TiSerial,
        Self::CanCandump,
        Self::CanSocket,
        Self::Video,
        Self::Jpeg,
        Self::V4l2,
        Self::Sync,
        Self::Mcap,
        Self::Synth,
    ];

    /// The name as written before the colon.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ars548 => "ars548",
            Self::Ars548Pcap => "ars548+pcap",
            Self::Ars548Udp => "ars548+udp",
            Self::Ti => "ti",
            Self::TiSerial => "ti+serial",
            Self::CanCandump => "can+candump",
            Self::CanSocket => "can+socket",
            Self::Video => "video",
            Self::Jpeg => "jpeg",
            Self::V4l2 => "v4l2",
            Self::Sync => "sync",
            Self::Mcap => "mcap",
            Self::Synth => "synth",
        }
    }

    /// How such a URI is written, options in brackets.
    #[must_use]
    pub fn form(self) -> &'static str {
        match self {
            Self::Ars548 => "ars548:FILE",
            Self::Ars548Pcap => "ars548+pcap:FILE[?port=42102]",
            Self::Ars548Udp => "ars548+udp:GROUP:PORT[?iface=ADDRESS]",
            Self::Ti => "ti:FILE[?fps=]",
            Self::TiSerial => "ti+serial:DEVICE[?baud=921600]",
            Self::CanCandump => "can+candump:FILE?map=NAME[&iface=can1]",
            Self::CanSocket => "can+socket:IFACE?map=NAME",
            Self::Video => "video:FILE",
            Self::Jpeg => "jpeg:DIR[?fps=]",
            Self::V4l2 => "v4l2:DEVICE[?width=&height=&fps=&format=]",
            Self::Sync => "sync:DEVICE[?baud=921600&out0=HZ@PHASE_MS&...&out7=]",
            Self::Mcap => "mcap:FILE[?topic=]",
            Self::Synth => "synth:[?seed=7&seconds=20&live=1]",
        }
    }

    /// The scheme of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// What such a source yields.
    #[must_use]
    pub fn kind(self) -> SourceKind {
        match self {
            Self::Ars548 | Self::Ars548Pcap | Self::Ars548Udp | Self::Ti | Self::TiSerial => {
                SourceKind::Radar
            }
            Self::CanCandump | Self::CanSocket => SourceKind::Can,
            Self::Video | Self::Jpeg | Self::V4l2 => SourceKind::Camera,
            Self::Sync => SourceKind::Sync,
            Self::Mcap => SourceKind::Log,
            Self::Synth => SourceKind::Synthetic,
        }
    }

    /// Whether messages come from a device as they happen.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(
            self,
            Self::Ars548Udp | Self::TiSerial | Self::CanSocket | Self::V4l2 | Self::Sync
        )
    }

    /// Whether the target is a file or folder.
    #[must_use]
    pub fn is_file(self) -> bool {
        !self.is_live() && self != Self::Synth
    }

    pub(super) fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    pub(super) fn required_option(self) -> Option<&'static str> {
        matches!(self, Self::CanCandump | Self::CanSocket).then_some("map")
    }

    pub(super) fn option_rule(self, key: &str) -> Option<OptionRule> {
        Some(match (self, key) {
            (Self::Ars548Pcap, "port") | (Self::TiSerial | Self::Sync, "baud") => OptionRule::Whole,
            (Self::Sync, key) => {
                output(key)?;
                OptionRule::Pulses
            }
            (Self::Ars548Udp, "iface") => OptionRule::Address,
            (Self::CanCandump | Self::CanSocket, "map")
            | (Self::CanCandump, "iface")
            | (Self::Mcap, "topic")
            | (Self::Synth, _) => OptionRule::Text,
            (Self::Ti | Self::Jpeg | Self::V4l2, "fps") => OptionRule::Rate,
            (Self::V4l2, "width" | "height") => OptionRule::Whole,
            (Self::V4l2, "format") => OptionRule::PixelFormat,
            _ => return None,
        })
    }

    /// The scheme whose name is a small typing error away.
    pub(super) fn nearest(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let distance = |s: &Self| edit_distance(&name, s.name());
        let best = Self::ALL.into_iter().min_by_key(distance)?;
        (distance(&best) <= 2.max(name.len() / 3)).then_some(best)
    }
}

/// The number of an output in the name of its option.
pub(crate) fn output(key: &str) -> Option<u8> {
    let number = key.strip_prefix("out")?.parse().ok()?;
    (number < 8 && key.len() == 4).then_some(number)
}

/// Rate in thousandths of a hertz and phase in nanoseconds of `HZ[@PHASE_MS]`.
pub(crate) fn pulses(value: &str) -> Option<(u32, u32)> {
    let (rate, phase) = value.split_once('@').unwrap_or((value, "0"));
    let millihz = rate.parse::<f64>().ok()? * 1e3;
    let phase_ns = phase.parse::<f64>().ok()? * 1e6;
    let is_rate = (10.0..=1e6).contains(&millihz) && (millihz - millihz.round()).abs() < 1e-6;
    // Phases are in 32 bits, and pulses slower than one in four seconds may have any that fits.
    let is_phase = (0.0..1e12 / millihz).contains(&phase_ns) && phase_ns <= f64::from(u32::MAX);
    (is_rate && is_phase).then_some((millihz.round() as u32, phase_ns as u32))
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Levenshtein distance over bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.bytes().enumerate() {
            let replace = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
