//! Samples to calibrate with: from a folder of tensors, radar scans of drives, or pictures from a log.

use crate::cli::CalibrateArgs;
use crate::config::Config;
use crate::feed::{self, Resolved};
use crate::pipeline::ask_scan::parts;
use crate::pipeline::picture::{PictureInput, picture_size};
use anyhow::{Context, Result, bail};
use drafthorse_core::{Image, RawMessage};
use drafthorse_engine::{LoadOptions, Manifest, Ports, Takes, Tensor, read_tensors};
use drafthorse_eval::formats::shard::{self, ScannedScene};
use drafthorse_onnx::proto::Model;
use drafthorse_sensors::camera::CameraDecoder;
use drafthorse_sensors::{Scheme, SourceUri};
use std::path::{Path, PathBuf};

/// Held-out samples, then those to observe, drawn by the seed.
pub(super) fn draw(args: &CalibrateArgs, model: &Model) -> Result<Vec<Vec<Tensor>>> {
    let samples = &args.samples;
    if samples.is_dir() && !folders(args)?.is_empty() {
        return from_folder(args, model);
    }
    if has_files(samples, "safetensors") {
        return from_drives(args);
    }
    let is_log = match samples.is_dir() {
        true => has_files(samples, "mcap"),
        false => samples.is_file() && samples.extension().is_some_and(|end| end == "mcap"),
    };
    if !is_log {
        let fault = match samples.exists() {
            true => "holds no samples",
            false => "is not there",
        };
        bail!(
            "{} {fault}; name with --samples a folder with a folder a sample (input_0.pb and so on in each), a folder of training shards (*.safetensors), or a log (a .mcap file, or the folder that `drafthorse run --out` wrote)",
            samples.display()
        );
    }
    from_log(args, model)
}

/// So many things as are wanted, in the order that the seed gives them.
fn drawn<T>(mut all: Vec<T>, args: &CalibrateArgs) -> Result<Vec<T>> {
    if args.hold_out == 0 || all.len() <= args.hold_out {
        bail!(
            "{} holds {} samples; more than --hold-out, which is {} and at least 1, are needed",
            args.samples.display(),
            all.len(),
            args.hold_out
        );
    }
    shuffle(&mut all, args.seed);
    all.truncate(args.hold_out.saturating_add(args.count.max(1)));
    Ok(all)
}

fn folders(args: &CalibrateArgs) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(&args.samples)
        .with_context(|| format!("cannot read the samples {}", args.samples.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join("input_0.pb").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn from_folder(args: &CalibrateArgs, model: &Model) -> Result<Vec<Vec<Tensor>>> {
    let inputs = drafthorse_onnx::inputs(model).len();
    let folders = drawn(folders(args)?, args)?;
    let read = |folder: &PathBuf| read_tensors(folder, "input", inputs);
    Ok(folders.iter().map(read).collect::<Result<_, _>>()?)
}

fn has_files(folder: &Path, ending: &str) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = files.map(|file| file.path());
    names.any(|path| path.extension().is_some_and(|end| end == ending))
}

/// What a radar detector's network is given of scans of drives, through the parts beside it.
fn from_drives(args: &CalibrateArgs) -> Result<Vec<Vec<Tensor>>> {
    let folder = args.model.parent().unwrap_or(Path::new(""));
    let manifest = Manifest::read(folder).with_context(|| {
        format!(
            "radar scans go through the parts beside the network: {} must lie in the folder of its model",
            args.model.display()
        )
    })?;
    if manifest.takes != Takes::RadarScan {
        bail!(
            "the model {} looks at pictures, and {} holds radar scans; give a log or a folder of tensors",
            manifest.name,
            args.samples.display()
        );
    }
    let scenes = drawn(shard::read_scans(&args.samples)?, args)?;
    let mut parts = parts(folder, &manifest)?;
    let (shape, scans) = (parts.input_shape(), parts.settings().scans);
    let mut input = vec![0.0; shape.iter().product()];
    let mut view = |scene: &ScannedScene| {
        parts.feed(scene.newest(scans), &mut input);
        vec![Tensor::new(&shape, input.clone())]
    };
    Ok(scenes.iter().map(&mut view).collect())
}

/// Pictures of one camera, scaled to the model's input.
fn from_log(args: &CalibrateArgs, model: &Model) -> Result<Vec<Vec<Tensor>>> {
    let [height, width] = size_of_pictures(model)?;
    let (mean, std) = normalisation(args, model)?;
    let mut input = PictureInput::new([height, width], &mean, &std)?;
    let mut count = 0;
    pictures(args, |_| {
        count += 1;
        Ok(())
    })?;
    let order = drawn((0..count).collect::<Vec<usize>>(), args)?;
    let mut found: Vec<Option<Tensor>> = vec![None; order.len()];
    let mut number = 0;
    pictures(args, |image| {
        if let Some(place) = order.iter().position(|&wanted| wanted == number) {
            let mut elements = vec![0.0; 3 * height * width];
            input.fill(image, &mut elements)?;
            found[place] = Some(Tensor::new(&[1, 3, height, width], elements));
        }
        number += 1;
        Ok(())
    })?;
    Ok(found
        .into_iter()
        .flatten()
        .map(|tensor| vec![tensor])
        .collect())
}

/// Mean and standard deviation of pictures: what is asked for, else what the model.toml beside the model
/// says of its input.
fn normalisation(args: &CalibrateArgs, model: &Model) -> Result<(Vec<f32>, Vec<f32>)> {
    let is_given = !args.mean.is_empty() || !args.std.is_empty();
    if is_given {
        let is_whole = |numbers: &[f32]| matches!(numbers.len(), 0 | 3);
        let is_right = args.mean.iter().all(|m| m.is_finite()) && args.std.iter().all(|s| *s > 0.0);
        if !is_whole(&args.mean) || !is_whole(&args.std) || !is_right {
            bail!("--mean and --std take three numbers each, those of --std above 0");
        }
        return Ok((args.mean.clone(), args.std.clone()));
    }
    let folder = args.model.parent().unwrap_or(Path::new(""));
    if !folder.join("model.toml").is_file() {
        return Ok((Vec::new(), Vec::new()));
    }
    let manifest = Manifest::read(folder)?;
    let inputs = drafthorse_onnx::inputs(model);
    let meaning = inputs
        .first()
        .and_then(|input| manifest.inputs.get(&input.name));
    Ok(meaning.map_or_else(Default::default, |m| (m.mean.clone(), m.std.clone())))
}

/// Height and width of the model's only input.
fn size_of_pictures(model: &Model) -> Result<[usize; 2]> {
    let ports = Ports::of("the model", model, &LoadOptions::default())?;
    picture_size(&ports.inputs).context(
        "samples from a log are pictures: the model must have one input, f32[1, 3, height, width]; give others as a folder of tensors",
    )
}

/// Decodes all pictures of the log's camera.
fn pictures(args: &CalibrateArgs, mut each: impl FnMut(&Image) -> Result<()>) -> Result<()> {
    let options: Vec<(&str, &str)> = args.topic.iter().map(|t| ("topic", t.as_str())).collect();
    let source = SourceUri::of_file(Scheme::Mcap, &args.samples, &options)?;
    let config = Config::from_sources(vec![source.clone()]);
    let Resolved { plan, mut feeds } = feed::resolve(&config)?;
    let mut cameras = plan
        .sensors()
        .filter(|(_, sensor)| sensor.format.is_camera());
    let camera = cameras.next();
    let (id, sensor) = camera.with_context(|| format!("{source} holds no pictures"))?;
    if cameras.next().is_some() {
        bail!("{source} holds several cameras; choose one with --topic");
    }
    let mut decoder = CameraDecoder::new(id, sensor.format)?;
    let mut image = Image::default();
    let mut faults = Vec::new();
    for feed in &mut feeds {
        while let Some(raw) = feed.head() {
            let raw: &RawMessage = raw;
            // What cannot be decoded is no sample.
            if raw.sensor == id && decoder.decode(raw, &mut image).unwrap_or(false) {
                each(&image)?;
            }
            feed.advance(&mut faults);
            faults.clear();
        }
    }
    Ok(())
}

/// Fisher and Yates, drawn by `SplitMix64`.
fn shuffle<T>(all: &mut [T], seed: u64) {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    for last in (1..all.len()).rev() {
        all.swap(last, (next() % (last as u64 + 1)) as usize);
    }
}
