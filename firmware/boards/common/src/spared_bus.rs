//! A bus that is left alone for a life where the one before hung.

use embedded_hal::i2c::{Error as _, ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};

/// The bus of the inertial sensor. A line that is held low makes a blocking driver wait for ever, until the watchdog
/// ends it: pulses of cameras must not stop for that again and again. After a watchdog's reset the bus is not touched, the
/// sensor does not answer, and the fault line says so; the next reset tries it again.
pub struct SparedBus<B>(Option<B>);

impl<B> SparedBus<B> {
    /// The bus, left alone with `after_watchdog`.
    pub fn new(bus: B, after_watchdog: bool) -> Self {
        Self((!after_watchdog).then_some(bus))
    }
}

impl<B> ErrorType for SparedBus<B> {
    type Error = ErrorKind;
}

impl<B: I2c> I2c for SparedBus<B> {
    fn transaction(&mut self, address: u8, parts: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        let nobody = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
        let bus = self.0.as_mut().ok_or(nobody)?;
        bus.transaction(address, parts)
            .map_err(|error| error.kind())
    }
}
