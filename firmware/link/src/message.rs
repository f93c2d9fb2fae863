//! What is said over the link, and its bytes.

/// Version of the messages' layout; a receiver refuses any other.
pub const VERSION: u8 = 1;

/// Why a frame's contents are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The byte stuffing is impossible, or the frame is too short or too long.
    Malformed,
    /// The checksum does not match.
    Checksum,
    /// Another version of the layout; update the side that is behind.
    Version(u8),
    /// A kind that this version does not know.
    UnknownKind(u8),
    /// The kind is known and the length is not its length.
    Length,
}

impl core::fmt::Display for FrameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed => f.write_str("the bytes between two zeros are not a frame"),
            Self::Checksum => f.write_str("a frame's checksum does not match"),
            Self::Version(version) => write!(
                f,
                "a frame has layout version {version} and this side speaks {VERSION}; \
                 update the side that is behind"
            ),
            Self::UnknownKind(kind) => write!(f, "a frame has the unknown kind {kind}"),
            Self::Length => f.write_str("a frame's length is not that of its kind"),
        }
    }
}

impl core::error::Error for FrameError {}

/// Takes fields off the front of a frame.
trait Field: Sized {
    fn take(input: &mut &[u8]) -> Option<Self>;
    fn put(self, out: &mut Output<'_>) -> Option<()>;
}

/// The unused end of an output slice, and how much was written before it.
struct Output<'a> {
    rest: &'a mut [u8],
    written: usize,
}

impl Output<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let (head, tail) = core::mem::take(&mut self.rest).split_at_mut_checked(bytes.len())?;
        head.copy_from_slice(bytes);
        self.rest = tail;
        self.written += bytes.len();
        Some(())
    }
}

macro_rules! number_fields {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn take(input: &mut &[u8]) -> Option<Self> {
                let (head, rest) = input.split_first_chunk()?;
                *input = rest;
                Some(<$ty>::from_le_bytes(*head))
            }
            fn put(self, out: &mut Output<'_>) -> Option<()> {
                out.put(&self.to_le_bytes())
            }
        }
    )*};
}

number_fields!(u8, u16, u32, u64, i16, i32);

impl<T: Field + Copy + Default, const N: usize> Field for [T; N] {
    fn take(input: &mut &[u8]) -> Option<Self> {
        let mut array = [T::default(); N];
        for slot in &mut array {
            *slot = T::take(input)?;
        }
        Some(array)
    }
    fn put(self, out: &mut Output<'_>) -> Option<()> {
        self.into_iter().try_for_each(|item| item.put(out))
    }
}

/// Declares the messages, their kinds and their layout from one list.
macro_rules! messages {
    ($($(#[$meta:meta])* $kind:literal $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $name {
                $($(#[$field_meta])* pub $field: $ty,)*
            }
        )*

        /// One message of the link.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Message {
            $($(#[$meta])* $name($name),)*
        }

        $(
            impl From<$name> for Message {
                fn from(message: $name) -> Self {
                    Self::$name(message)
                }
            }
        )*

        impl Message {
            /// Writes version, kind and fields; the bytes written, or `None` where they do not fit.
            pub(crate) fn write(&self, out: &mut [u8]) -> Option<usize> {
                let mut out = Output { rest: out, written: 0 };
                VERSION.put(&mut out)?;
                match *self {
                    $(Self::$name(message) => {
                        let kind: u8 = $kind;
                        kind.put(&mut out)?;
                        $(message.$field.put(&mut out)?;)*
                    })*
                }
                Some(out.written)
            }

            /// Reads what [`Message::write`] writes.
            pub(crate) fn read(mut bytes: &[u8]) -> Result<Self, FrameError> {
                let version = u8::take(&mut bytes).ok_or(FrameError::Length)?;
                if version != VERSION {
                    return Err(FrameError::Version(version));
                }
                let kind = u8::take(&mut bytes).ok_or(FrameError::Length)?;
                let message = match kind {
                    $($kind => Self::$name($name {
                        $($field: Field::take(&mut bytes).ok_or(FrameError::Length)?,)*
                    }),)*
                    other => return Err(FrameError::UnknownKind(other)),
                };
                if bytes.is_empty() { Ok(message) } else { Err(FrameError::Length) }
            }
        }
    };
}

messages! {
    /// A camera's trigger line rose.
    1 TriggerStamp {
        /// Which trigger output.
        camera: u8,
        /// Count of its triggers since the microcontroller started.
        sequence: u32,
        /// When, ns of the microcontroller's clock.
        mcu_ns: u64,
    }
    /// The pulse per second of the time source rose.
    2 PpsEdge {
        /// Count of edges since the microcontroller started.
        sequence: u32,
        /// When, ns of the microcontroller's clock.
        mcu_ns: u64,
    }
    /// One sample of the inertial sensor in its own axes.
    3 Imu {
        /// When, ns of the microcontroller's clock.
        mcu_ns: u64,
        /// Specific force along x, y, z, mm/s^2.
        accel_mmps2: [i32; 3],
        /// Turn rate about x, y, z, microradians per second.
        gyro_uradps: [i32; 3],
        /// Temperature of the sensor, hundredths of a degree Celsius.
        temperature_centidegc: i16,
    }
    /// The host's time; the microcontroller answers with a copy that has `mcu_ns` filled in.
    4 HostTime {
        /// Count of such exchanges.
        sequence: u32,
        /// When the host sent it, ns of the vehicle clock.
        host_ns: u64,
        /// When the microcontroller received it, ns of its clock; 0 on the way there.
        mcu_ns: u64,
    }
    /// The microcontroller's report on itself.
    5 Status {
        /// Firmware version: major, minor, patch.
        firmware: [u8; 3],
        /// Time since it started, ns of its clock.
        mcu_ns: u64,
        /// Frames that it received and refused.
        frames_refused: u32,
        /// Messages that it could not send because the line was busy.
        messages_dropped: u32,
        /// Triggers that came late.
        triggers_late: u32,
        /// Bit 0: PPS seen in the last two seconds; bit 1: inertial sensor answers.
        flags: u16,
    }
}
