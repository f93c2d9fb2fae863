//! What a word of a query asks for, and of which stream.

use drafthorse_core::Class;

/// Where somebody is, as the vehicle sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To the left of the vehicle's path.
    Left,
    /// In it.
    Ahead,
    /// To the right of it.
    Right,
}

/// How far away somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Below 13 m.
    Near,
    /// Above 25 m.
    Far,
}

/// How somebody moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// Across the vehicle's path.
    Crossing,
    /// Towards the vehicle.
    Oncoming,
    /// Into the vehicle's path from beside it, the same way as the vehicle.
    CuttingIn,
    /// The same way, beside the vehicle's path, faster than the vehicle.
    Overtaking,
    /// Not at all.
    Standing,
    /// At more than 14 m/s.
    Fast,
}

/// Light of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Daylight.
    Day,
    /// The sun is low.
    LowSun,
    /// It is getting dark.
    Dusk,
    /// It is dark.
    Night,
}

/// Weather of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Dry and clear.
    Clear,
    /// Light rain.
    Drizzle,
    /// Rain.
    Rain,
    /// Fog.
    Fog,
}

/// What a traffic light shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Whatever it shows.
    Any,
    /// Red.
    Red,
    /// Green.
    Green,
}

/// How many road users there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Many.
    Busy,
    /// None ahead.
    Empty,
}

/// What a word asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// A road user of a class; [`Class::Unknown`] for anybody.
    User(Class),
    /// Where somebody is.
    Side(Side),
    /// How far away.
    Distance(Distance),
    /// How somebody moves.
    Motion(Motion),
    /// Paint of a car, by its name.
    Colour(&'static str),
    /// Light of the scene.
    Light(Light),
    /// Weather.
    Weather(Weather),
    /// A traffic light.
    Signal(Signal),
    /// A crossing for people on foot.
    Zebra,
    /// How many road users.
    Traffic(Traffic),
    /// Something that the log's text tells of, by the name of its group of words.
    Told(&'static str),
}

impl Sense {
    /// Which stream it asks, an index into [`super::STREAM_NAMES`].
    #[must_use]
    pub fn stream(self) -> usize {
        match self {
            Self::User(_) | Self::Side(_) | Self::Distance(_) | Self::Motion(_) => 0,
            Self::Colour(_)
            | Self::Light(_)
            | Self::Weather(_)
            | Self::Signal(_)
            | Self::Zebra
            | Self::Traffic(_) => 1,
            Self::Told(_) => 2,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User(Class::Unknown) => "road user",
            Self::User(class) => class.name(),
            Self::Side(Side::Left) => "left",
            Self::Side(Side::Ahead) => "ahead",
            Self::Side(Side::Right) => "right",
            Self::Distance(Distance::Near) => "near",
            Self::Distance(Distance::Far) => "far",
            Self::Motion(Motion::Crossing) => "crossing",
            Self::Motion(Motion::Oncoming) => "oncoming",
            Self::Motion(Motion::CuttingIn) => "cutting in",
            Self::Motion(Motion::Overtaking) => "overtaking",
            Self::Motion(Motion::Standing) => "standing",
            Self::Motion(Motion::Fast) => "fast",
            Self::Colour(name) | Self::Told(name) => name,
            Self::Light(Light::Day) => "day",
            Self::Light(Light::LowSun) => "low sun",
            Self::Light(Light::Dusk) => "dusk",
            Self::Light(Light::Night) => "night",
            Self::Weather(Weather::Clear) => "clear",
            Self::Weather(Weather::Drizzle) => "drizzle",
            Self::Weather(Weather::Rain) => "rain",
            Self::Weather(Weather::Fog) => "fog",
            Self::Signal(Signal::Any) => "traffic light",
            Self::Signal(Signal::Red) => "red light",
            Self::Signal(Signal::Green) => "green light",
            Self::Zebra => "zebra crossing",
            Self::Traffic(Traffic::Busy) => "busy",
            Self::Traffic(Traffic::Empty) => "empty",
        }
    }
}
