//! The inertial sensor: a Bosch BMI160 on I2C, at the 100 samples a second that it starts with.
//!
//! It stamps its samples itself: `SENSORTIME` counts 39.0625 us, and at 100 Hz a sample is taken where its
//! lower 8 bits begin anew (data sheet BST-BMI160-DS000, "Sensor time"). So a sample's age is known when it
//! is read, to a tick and to the time that the bus takes.

use crate::clock::Clock;
use bmi160::{
    AccelerometerPowerMode, AccelerometerRange, Bmi160, GyroscopePowerMode, GyroscopeRange,
    Sensor3DData, SensorSelector, SlaveAddr, interface::I2cInterface,
};
use drafthorse_link::Imu;
use embedded_hal::i2c::I2c;

/// Time between two samples by the sensor's own clock.
pub const SAMPLE_NS: u64 = 10_000_000;
const CHIP_ID: u8 = 0xD1;
/// Ticks of `SENSORTIME` between two samples.
const TICKS_PER_SAMPLE: u32 = 256;
/// Start-up times of the data sheet with room to spare.
const ACCELEROMETER_START_NS: u64 = 10_000_000;
const GYROSCOPE_START_NS: u64 = 100_000_000;
/// How long to leave a sensor that does not answer.
const RETRY_NS: u64 = 1_000_000_000;
/// The sensor holds its registers from the first byte that it gives on: of a transfer's 18 bytes (address,
/// register, address again, 15 of data) three are before that.
const HELD_AFTER: u64 = 18 / 3;
/// How long after a sample is due it is looked for, and looked for again.
const LOOK_NS: u64 = 500_000;

type Sensor<I2C> = Bmi160<I2cInterface<I2C>>;
type Failure<I2C> = bmi160::Error<<I2C as embedded_hal::i2c::ErrorType>::Error>;

/// The sensor, from its start to its samples.
pub struct Inertial<I2C> {
    sensor: Sensor<I2C>,
    state: State,
    due_ns: u64,
    is_well: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unknown,
    AccelerometerStarts,
    GyroscopeStarts,
    /// With the number of the last sample read, where there was one.
    Runs(Option<u32>),
}

impl<I2C: I2c> Inertial<I2C> {
    /// The sensor at its default address.
    pub fn new(bus: I2C) -> Self {
        Self {
            sensor: Bmi160::new_with_i2c(bus, SlaveAddr::default()),
            state: State::Unknown,
            due_ns: 0,
            is_well: true,
        }
    }

    /// Does what is due, which takes as long as the bus does; a sample where there is a new one.
    pub fn poll(&mut self, clock: &impl Clock) -> Option<Imu> {
        let now = clock.now_ns();
        if now < self.due_ns {
            return None;
        }
        if let Ok(sample) = self.advance(now, clock) {
            self.is_well = true;
            return sample;
        }
        self.fail(now);
        None
    }

    /// Whether it answers, and as a BMI160.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.is_well
    }

    fn fail(&mut self, now_ns: u64) {
        self.state = State::Unknown;
        self.due_ns = now_ns + RETRY_NS;
        self.is_well = false;
    }

    fn advance(&mut self, now_ns: u64, clock: &impl Clock) -> Result<Option<Imu>, Failure<I2C>> {
        let sensor = &mut self.sensor;
        match self.state {
            State::Unknown => {
                if sensor.chip_id()? != CHIP_ID {
                    return Err(bmi160::Error::InvalidInputData);
                }
                sensor.set_accel_power_mode(AccelerometerPowerMode::Normal)?;
                self.state = State::AccelerometerStarts;
                self.due_ns = now_ns + ACCELEROMETER_START_NS;
            }
            State::AccelerometerStarts => {
                sensor.set_gyro_power_mode(GyroscopePowerMode::Normal)?;
                self.state = State::GyroscopeStarts;
                self.due_ns = now_ns + GYROSCOPE_START_NS;
            }
            State::GyroscopeStarts => {
                sensor.set_accel_range(AccelerometerRange::G8)?;
                sensor.set_gyro_range(GyroscopeRange::Scale500)?;
                self.state = State::Runs(None);
                self.due_ns = now_ns + SAMPLE_NS;
            }
            State::Runs(last) => {
                let data = sensor.data(SensorSelector::new().accel().gyro().time())?;
                let held_ns = now_ns + (clock.now_ns() - now_ns) / HELD_AFTER;
                let (Some(force), Some(turn), Some(ticks)) = (data.accel, data.gyro, data.time)
                else {
                    return Err(bmi160::Error::InvalidInputData);
                };
                let number = ticks / TICKS_PER_SAMPLE;
                if last == Some(number) {
                    self.due_ns = now_ns + LOOK_NS;
                    return Ok(None);
                }
                self.state = State::Runs(Some(number));
                let age_ns = u64::from(ticks % TICKS_PER_SAMPLE) * 78_125 / 2;
                let at_mcu_ns = held_ns.saturating_sub(age_ns);
                self.due_ns = at_mcu_ns + SAMPLE_NS + LOOK_NS;
                return Ok(Some(Imu {
                    at_mcu_ns,
                    force_umps2: axes(&force).map(micrometres_per_second_squared),
                    turn_rate_uradps: axes(&turn).map(microradians_per_second),
                }));
            }
        }
        Ok(None)
    }
}

fn axes(data: &Sensor3DData) -> [i16; 3] {
    [data.x, data.y, data.z]
}

/// At 8 g: 4,096 steps a standard gravity.
fn micrometres_per_second_squared(steps: i16) -> i32 {
    (i64::from(steps) * 9_806_650 / 4_096) as i32
}

/// At 500 degrees a second: 65.6 steps a degree a second, of 17,453.293 microradians.
fn microradians_per_second(steps: i16) -> i32 {
    (i64::from(steps) * 17_453_293 / 65_600) as i32
}
