//! A GPU through the driver. Kernels are compiled by NVRTC at first use and kept as PTX.

#![allow(unsafe_code)] // Launching a kernel is unsafe: its arguments are not checked.

use crate::device::{Argument, Device};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaModule, CudaSlice, CudaStream, DriverError, LaunchConfig,
    PushKernelArg as _,
};
use cudarc::nvrtc::{CompileError, CompileOptions, Ptx, compile_ptx_with_opts};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Threads of a block.
const THREADS: usize = 128;

/// The kernels.
pub const SOURCE: &str = include_str!("kernels.cu");

/// Why no GPU can be used.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// No driver or no NVRTC.
    #[error("no CUDA here: {0} does not load; the encoder runs on the processor")]
    Absent(&'static str),
    /// The driver refuses.
    #[error("CUDA: {0}")]
    Driver(#[from] DriverError),
    /// The kernels do not compile.
    #[error("the kernels do not compile: {0}")]
    Compile(#[from] CompileError),
}

/// A GPU.
pub struct Gpu {
    stream: Arc<CudaStream>,
    module: Arc<CudaModule>,
    functions: HashMap<&'static str, CudaFunction>,
}

impl Gpu {
    /// The first one. Compiled kernels are kept in the folder `cache`.
    ///
    /// # Errors
    /// [`GpuError`].
    pub fn open(cache: &Path) -> Result<Self, GpuError> {
        // SAFETY: only looks for the library.
        if !unsafe { cudarc::driver::sys::is_culib_present() } {
            return Err(GpuError::Absent("libcuda"));
        }
        let context = CudaContext::new(0)?;
        let (major, minor) = context.compute_capability()?;
        let module = context.load_module(kernels(cache, major, minor)?)?;
        Ok(Self {
            stream: context.new_stream()?,
            module,
            functions: HashMap::new(),
        })
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.stream.context().name().unwrap_or_default()
    }
}

/// The kernels for a GPU of that capability, from the cache where it has them.
fn kernels(cache: &Path, major: i32, minor: i32) -> Result<Ptx, GpuError> {
    let hash = Sha256::digest(SOURCE);
    let hash: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = cache.join(format!("gaussian-sm{major}{minor}-{hash}.ptx"));
    if kept.is_file() {
        return Ok(Ptx::from_file(kept));
    }
    let ptx = compile(major, minor)?;
    // Without a cache they are compiled again next time.
    let _ = std::fs::create_dir_all(cache);
    let partial = kept.with_extension("partial");
    let _ = std::fs::write(&partial, ptx.to_src()).and_then(|()| std::fs::rename(&partial, &kept));
    Ok(ptx)
}

/// Compiles the kernels.
///
/// # Errors
/// [`GpuError::Absent`] and [`GpuError::Compile`].
pub fn compile(major: i32, minor: i32) -> Result<Ptx, GpuError> {
    // SAFETY: only looks for the library.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        return Err(GpuError::Absent("libnvrtc"));
    }
    let options = CompileOptions {
        options: vec![format!("--gpu-architecture=compute_{major}{minor}")],
        ..CompileOptions::default()
    };
    Ok(compile_ptx_with_opts(SOURCE, options)?)
}

impl Device for Gpu {
    type Array = CudaSlice<f32>;
    type Error = DriverError;

    fn zeros(&mut self, count: usize) -> Result<Self::Array, DriverError> {
        self.stream.alloc_zeros(count.max(1))
    }

    fn write(&mut self, from: &[f32], to: &mut Self::Array) -> Result<(), DriverError> {
        match from.is_empty() {
            true => Ok(()),
            false => self
                .stream
                .memcpy_htod(from, &mut to.slice_mut(..from.len())),
        }
    }

    fn launch(
        &mut self,
        kernel: &'static str,
        threads: usize,
        arguments: &[Argument<'_, Self::Array>],
    ) -> Result<(), DriverError> {
        if threads == 0 {
            return Ok(());
        }
        if !self.functions.contains_key(kernel) {
            let function = self.module.load_function(kernel)?;
            self.functions.insert(kernel, function);
        }
        let mut launch = self.stream.launch_builder(&self.functions[kernel]);
        for argument in arguments {
            match argument {
                Argument::Array(array) => launch.arg(*array),
                Argument::Whole(number) => launch.arg(number),
                Argument::Number(number) => launch.arg(number),
            };
        }
        let threads = LaunchConfig {
            grid_dim: (threads.div_ceil(THREADS) as u32, 1, 1),
            block_dim: (THREADS as u32, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: each kernel leaves alone what lies past the sizes that it is given, and the arrays of
        // `Front` have room for them. Kernels of one stream run one after the other.
        unsafe { launch.launch(threads) }?;
        Ok(())
    }

    fn read(&mut self, from: &Self::Array, to: &mut [f32]) -> Result<(), DriverError> {
        self.stream.memcpy_dtoh(&from.slice(..to.len()), to)?;
        self.stream.synchronize()
    }
}
