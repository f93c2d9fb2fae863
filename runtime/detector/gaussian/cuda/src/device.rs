//! What runs kernels: a GPU, or in tests the same kernels compiled for the processor.

/// An argument of a kernel.
#[derive(Debug)]
pub enum Argument<'a, B> {
    /// An array.
    Array(&'a B),
    /// A whole number.
    Whole(i32),
    /// A number.
    Number(f32),
}

impl<B> Clone for Argument<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Argument<'_, B> {}

/// Runs kernels of `kernels.cu` on arrays of its own, one after the other.
pub trait Device {
    /// An array of f32.
    type Array;
    /// Why something could not be done.
    type Error: std::error::Error + Send + Sync + 'static;

    /// An array of so many zeros.
    ///
    /// # Errors
    /// No memory.
    fn zeros(&mut self, count: usize) -> Result<Self::Array, Self::Error>;

    /// Writes the first elements of an array.
    ///
    /// # Errors
    /// The device is gone.
    fn write(&mut self, from: &[f32], to: &mut Self::Array) -> Result<(), Self::Error>;

    /// Runs a kernel in at least so many threads.
    ///
    /// # Errors
    /// The device refuses.
    fn launch(
        &mut self,
        kernel: &'static str,
        threads: usize,
        arguments: &[Argument<'_, Self::Array>],
    ) -> Result<(), Self::Error>;

    /// Reads the first elements of an array, after all that was launched.
    ///
    /// # Errors
    /// The device is gone, or a kernel has failed.
    fn read(&mut self, from: &Self::Array, to: &mut [f32]) -> Result<(), Self::Error>;
}
