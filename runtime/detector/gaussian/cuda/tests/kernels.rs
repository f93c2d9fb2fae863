//! The kernels against the processor's encoder: compiled for the processor everywhere, by NVRTC where
//! it is, and on a GPU where there is one.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.
#![allow(unsafe_code)] // Kernels are called by their addresses.

use drafthorse_gaussian::{Encoder, Settings, Splatter, Stem};
use drafthorse_gaussian_cuda::{Argument, Device, Front, Gpu, GpuError, compile};
use drafthorse_samples::RadarEncoder;
use libloading::{Library, Symbol};
use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::process::Command;

/// The kernels in a library for the processor.
struct Emulated(Library);

type Launch = unsafe extern "C" fn(*const c_char, c_int, *mut *mut c_void) -> c_int;

impl Emulated {
    fn build(dir: &Path) -> Self {
        let library = dir.join("kernels.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/emulated.cpp");
        let mut compiler = Command::new("c++");
        compiler.args(["-std=c++17", "-O1", "-shared", "-fPIC", "-o"]);
        assert!(
            compiler
                .arg(&library)
                .arg(source)
                .status()
                .unwrap()
                .success()
        );
        // SAFETY: a library of ours without initialisers.
        Self(unsafe { Library::new(library) }.unwrap())
    }
}

impl Device for Emulated {
    type Array = UnsafeCell<Vec<f32>>;
    type Error = Infallible;

    fn zeros(&mut self, count: usize) -> Result<Self::Array, Infallible> {
        Ok(UnsafeCell::new(vec![0.0; count]))
    }

    fn write(&mut self, from: &[f32], to: &mut Self::Array) -> Result<(), Infallible> {
        to.get_mut()[..from.len()].copy_from_slice(from);
        Ok(())
    }

    fn launch(
        &mut self,
        kernel: &'static str,
        threads: usize,
        arguments: &[Argument<'_, Self::Array>],
    ) -> Result<(), Infallible> {
        // SAFETY: nobody else reads or writes the arrays while a kernel runs.
        let pointer = |array: &Self::Array| unsafe { (*array.get()).as_mut_ptr() };
        let mut values: Vec<[u8; 8]> = arguments
            .iter()
            .map(|argument| match argument {
                Argument::Array(array) => (pointer(array) as usize as u64).to_ne_bytes(),
                Argument::Whole(number) => u64::from(*number as u32).to_le_bytes(),
                Argument::Number(number) => u64::from(number.to_bits()).to_le_bytes(),
            })
            .collect();
        let mut pointers: Vec<*mut c_void> =
            values.iter_mut().map(|v| v.as_mut_ptr().cast()).collect();
        let name = CString::new(kernel).unwrap();
        // SAFETY: the arguments are those of the kernel, in its order; the arrays have room.
        let status = unsafe {
            let launch: Symbol<'_, Launch> = self.0.get(b"launch").unwrap();
            launch(name.as_ptr(), threads as c_int, pointers.as_mut_ptr())
        };
        assert_eq!(status, 0, "no kernel {kernel}");
        Ok(())
    }

    fn read(&mut self, from: &Self::Array, to: &mut [f32]) -> Result<(), Infallible> {
        // SAFETY: no kernel runs.
        to.copy_from_slice(unsafe { &(&*from.get())[..to.len()] });
        Ok(())
    }
}

fn sample() -> RadarEncoder {
    RadarEncoder {
        channels: 20,
        cells: 47,
        cell_m: 0.4,
        neighbour_radius_m: 1.5,
    }
}

/// Holds a device's front against the processor's over scans of several sizes.
fn agrees<D: Device>(device: D) {
    let sample = sample();
    let bytes = sample.bytes();
    let mut encoder = Encoder::read(&bytes).unwrap();
    let settings: Settings = encoder.settings().clone();
    let mut stem = Stem::read(&bytes, &settings).unwrap();
    let (mut splatter, mut drawn) = (Splatter::new(&settings), Splatter::new(&settings));
    let mut front = Front::new(device, &bytes, &settings).unwrap();
    let mut view = vec![0.0; splatter.view_len()];
    let mut input = vec![0.0; stem.shape().iter().product()];
    let (mut view_of_device, mut input_of_device) = (view.clone(), input.clone());
    // More than the arrays have room for at first, none, and few.
    for count in [150, 1100, 0, 7] {
        let points = sample.scan(count);
        let gaussians = encoder.encode(&points).clone();
        drawn.draw(&gaussians, &mut view);
        stem.apply(&splatter.blend(&gaussians), &mut input);
        front.feed(&points, &mut input_of_device).unwrap();
        front.view(&mut view_of_device).unwrap();
        let feature = gaussians
            .features
            .iter()
            .fold(0.0f32, |a, b| a.max(b.abs()));
        let step = 1.01 * feature * settings.alpha_min;
        let mut edges = 0;
        for (device, processor) in view_of_device.iter().zip(&view) {
            let apart = (device - processor).abs();
            // A cell where alpha is within rounding of its least may be lit in one of both alone.
            edges += usize::from(apart > 1e-4 * feature);
            assert!(apart <= step, "{device} and not {processor}");
        }
        assert!(edges * 1000 <= view.len(), "{edges} elements");
        let largest = input.iter().fold(1e-30f32, |a, b| a.max(b.abs()));
        for (device, processor) in input_of_device.iter().zip(&input) {
            let apart = (device - processor).abs();
            assert!(apart <= 1e-3 * largest, "{device} and not {processor}");
        }
    }
}

#[test]
fn the_kernels_give_what_the_processor_gives() {
    let dir = tempfile::tempdir().unwrap();
    agrees(Emulated::build(dir.path()));
}

#[test]
fn they_compile_for_the_boards_gpus() {
    // Xavier, Orin, Thor's predecessors on desks.
    for (major, minor) in [(7, 2), (8, 7), (9, 0)] {
        match compile(major, minor) {
            Ok(ptx) => assert!(ptx.to_src().contains(".entry blend")),
            Err(GpuError::Absent(library)) => println!("skipped: no {library}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_gpu_gives_what_the_processor_gives() {
    let dir = tempfile::tempdir().unwrap();
    match Gpu::open(dir.path()) {
        Ok(gpu) => {
            println!("on {}", gpu.name());
            agrees(gpu);
        }
        Err(error) => println!("skipped: {error}"),
    }
}
