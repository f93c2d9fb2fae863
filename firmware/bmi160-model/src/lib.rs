//! A Bosch BMI160 as its data sheet (BST-BMI160-DS000) has it, as far as a driver sees it over I2C: what it
//! answers before and after it was started, its ranges, its clock, and samples that only depend on their
//! number, so that whoever gets one can tell whether it is right.

#![no_std]

use embedded_hal::i2c::{
    ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation, SevenBitAddress,
};

/// The address that the sensor has by default.
pub const ADDRESS: u8 = 0x68;

/// Start-up times, ns.
const ACCELEROMETER_START_NS: u64 = 3_800_000;
const GYROSCOPE_START_NS: u64 = 80_000_000;

/// The sensor on a bus of its own. `N` tells the time, ns.
pub struct Bmi160Model<N> {
    now_ns: N,
    register: u8,
    acc_range: u8,
    gyr_range: u8,
    accelerometer_since_ns: Option<u64>,
    gyroscope_since_ns: Option<u64>,
}

/// Nobody answers at that address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

impl embedded_hal::i2c::Error for NoAnswer {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address)
    }
}

/// Number of the sample that the sensor holds at a time: 100 a second, from 0; 16 bits of it are kept by its
/// clock.
#[must_use]
pub fn sample_number(ns: u64) -> u32 {
    ticks(ns) >> 8
}

/// Force along x, y, z in units of a 4,096th of standard gravity, and turn rate about them in units of a
/// 65.6th of a degree a second, in a sample.
#[must_use]
pub fn signal(number: u32) -> ([i16; 3], [i16; 3]) {
    let ramp = |step: u32, height: u32| (number * step % height) as i16 - (height / 2) as i16;
    let force = [ramp(7, 800), ramp(11, 1_200), 4_096 + ramp(3, 200)];
    let turn = [ramp(5, 90), ramp(13, 140), ramp(17, 3_000)];
    (force, turn)
}

/// `SENSORTIME`: 24 bits of 39.0625 us.
fn ticks(ns: u64) -> u32 {
    (ns / 78_125 * 2 + u64::from(ns % 78_125 >= 39_063)) as u32 & 0xFF_FFFF
}

impl<N: Fn() -> u64> Bmi160Model<N> {
    /// A sensor that was just powered.
    pub const fn new(now_ns: N) -> Self {
        Self {
            now_ns,
            register: 0,
            acc_range: 0b0011,
            gyr_range: 0,
            accelerometer_since_ns: None,
            gyroscope_since_ns: None,
        }
    }

    fn set(&mut self, register: u8, value: u8) {
        let now = (self.now_ns)();
        match (register, value) {
            (0x41, range) => self.acc_range = range & 0xF,
            (0x43, range) => self.gyr_range = range & 7,
            (0x7E, 0x10) => self.accelerometer_since_ns = None,
            (0x7E, 0x11) => self.accelerometer_since_ns = Some(now + ACCELEROMETER_START_NS),
            (0x7E, 0x14) => self.gyroscope_since_ns = None,
            (0x7E, 0x15) => self.gyroscope_since_ns = Some(now + GYROSCOPE_START_NS),
            (0x7E, 0xB6) => {
                (self.acc_range, self.gyr_range) = (0b0011, 0);
                (self.accelerometer_since_ns, self.gyroscope_since_ns) = (None, None);
            }
            _ => {}
        }
    }

    /// Registers as they are at one moment: a burst is read from a shadow of them.
    fn value_at(&self, register: u8, now_ns: u64) -> u8 {
        let is_on = |since: Option<u64>| since.is_some_and(|since| since <= now_ns);
        let (force, turn) = signal(sample_number(now_ns));
        // The signal is in units of 8 g and of 500 degrees a second; finer ranges have more steps.
        let force_bits = match self.acc_range {
            0b0011 => 2,
            0b0101 => 1,
            0b1000 => 0,
            _ => -1,
        };
        let turn_bits = i32::from(self.gyr_range) - 2;
        let byte = |axes: [i16; 3], bits: i32, offset: u8, on: bool| {
            let value = i32::from(axes[usize::from(offset / 2)]);
            let value = match bits {
                0.. => value << bits,
                _ => value >> -bits,
            };
            let value = if on { value } else { 0 };
            let value = value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
            value.to_le_bytes()[usize::from(offset % 2)]
        };
        match register {
            0x00 => 0xD1,
            0x03 => {
                let normal = |on: bool, at: u32| u8::from(on) << at;
                normal(is_on(self.accelerometer_since_ns), 4)
                    | normal(is_on(self.gyroscope_since_ns), 2)
            }
            0x0C..=0x11 => byte(
                turn,
                turn_bits,
                register - 0x0C,
                is_on(self.gyroscope_since_ns),
            ),
            0x12..=0x17 => byte(
                force,
                force_bits,
                register - 0x12,
                is_on(self.accelerometer_since_ns),
            ),
            0x18..=0x1A => ticks(now_ns).to_le_bytes()[usize::from(register - 0x18)],
            0x40 | 0x42 => 0x28,
            0x41 => self.acc_range,
            0x43 => self.gyr_range,
            _ => 0,
        }
    }
}

impl<N> ErrorType for Bmi160Model<N> {
    type Error = NoAnswer;
}

impl<N: Fn() -> u64> I2c<SevenBitAddress> for Bmi160Model<N> {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), NoAnswer> {
        if address != ADDRESS {
            return Err(NoAnswer);
        }
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    if let Some((register, values)) = bytes.split_first() {
                        self.register = *register;
                        for value in values {
                            self.set(self.register, *value);
                            self.register = self.register.wrapping_add(1);
                        }
                    }
                }
                Operation::Read(bytes) => {
                    let now_ns = (self.now_ns)();
                    for byte in bytes.iter_mut() {
                        *byte = self.value_at(self.register, now_ns);
                        self.register = self.register.wrapping_add(1);
                    }
                }
            }
        }
        Ok(())
    }
}
