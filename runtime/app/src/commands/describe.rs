//! `drafthorse describe`.

use crate::cli::DescribeArgs;
use crate::describe::{Describer, View, VisionSettings, Watch};
use crate::pipeline::channels::Channels;
use crate::plan::Plan;
use crate::replay;
use anyhow::{Context, Result, bail};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::Description;
use drafthorse_vision::prune::Pruning;
use serde::Serialize;
use std::io::{IsTerminal as _, Write};
use std::path::Path;

/// A description as a program reads it.
#[derive(Serialize)]
struct Line<'a> {
    camera: &'a str,
    keyframe_ns: u64,
    captured_ns: u64,
    text: &'a str,
    log_probabilities: &'a [f32],
    ended: bool,
    model: &'a str,
    engine: &'a str,
    tokens: u32,
    /// Left, top, width and height of each token that was seen, in shares of the picture's sides.
    kept: Vec<[f32; 4]>,
    look_ms: f64,
    choose_ms: f64,
    answer_ms: f64,
}

impl<'a> From<&'a Description> for Line<'a> {
    fn from(of: &'a Description) -> Self {
        let ms = |ns: u64| ns as f64 / 1e6;
        let places = of.kept.iter();
        Self {
            camera: &of.camera,
            keyframe_ns: of.keyframe_ns,
            captured_ns: of.captured_ns,
            text: &of.text,
            log_probabilities: &of.log_probabilities,
            ended: of.ended,
            model: &of.model,
            engine: &of.engine,
            tokens: of.tokens,
            kept: places.map(|p| [p.left, p.top, p.width, p.height]).collect(),
            look_ms: ms(of.look_ns),
            choose_ms: ms(of.choose_ns),
            answer_ms: ms(of.answer_ns),
        }
    }
}

pub(super) fn describe(args: &DescribeArgs) -> Result<()> {
    let bytes = is_picture(&args.of)?;
    let plan = match &bytes {
        Some(_) => None,
        None => Some(replay::read_plan(&args.of)?),
    };
    let settings = settings(args, plan.as_ref())?;
    if args.question.is_none() {
        settings.check_unasked()?;
    }
    if let Some(plan) = &plan {
        let camera = plan
            .keyframes
            .as_ref()
            .and_then(|keyframes| keyframes.camera);
        settings.check_sensors(&plan.sensors, camera)?;
    }
    let engines = Engines::open(&EngineConfig {
        onnxruntime_library: args.onnxruntime.clone(),
        ..EngineConfig::default()
    })?;
    let mut describer = Describer::open(&settings, &engines, args.threads)?;
    let mut say = |view: &View| -> Result<()> {
        let said = describer
            .answer(view, args.question.as_deref())?
            .description;
        print(&said, args.json)
    };
    match (bytes, plan) {
        (Some(jpeg), _) => say(&View::of_picture(jpeg)),
        (None, Some(plan)) => each_view(&args.of, &plan, &settings, say),
        (None, None) => Ok(()),
    }
}

/// A file's bytes where it is a JPEG.
fn is_picture(path: &Path) -> Result<Option<Vec<u8>>> {
    if path.is_dir() {
        return Ok(None);
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes.starts_with(&[0xff, 0xd8]).then_some(bytes))
}

/// What the command line says, else what the log's run was told, else nothing.
fn settings(args: &DescribeArgs, plan: Option<&Plan>) -> Result<VisionSettings> {
    let of_run = plan.and_then(|plan| plan.vision.clone());
    let mut settings = match (&args.model, of_run) {
        (Some(model), Some(of_run)) => VisionSettings {
            model: model.clone(),
            ..of_run
        },
        (Some(model), None) => VisionSettings::new(model),
        (None, Some(of_run)) => of_run,
        (None, None) => bail!("name the folder of a vision-language model with --model"),
    };
    if let Some(keep) = args.keep {
        settings.keep = keep;
    }
    if let Some(path) = &args.pruning {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        settings.pruning = toml::from_str::<Pruning>(&text).with_context(|| {
            format!(
                "{} is no pruning; docs/pruning.md says what one is",
                path.display()
            )
        })?;
    }
    if args.precision.is_some() {
        settings.precision.clone_from(&args.precision);
    }
    settings.check()?;
    Ok(settings)
}

/// The views of a log's keyframes in order.
fn each_view(
    log: &Path,
    plan: &Plan,
    settings: &VisionSettings,
    mut each: impl FnMut(&View) -> Result<()>,
) -> Result<()> {
    let channels = Channels::new(plan);
    let mut watch = Watch::new(plan, &channels, settings);
    let why = || format!("cannot read {}", log.display());
    let mut reader = LogReader::open(log).with_context(why)?;
    let (mut keyframes, mut seen) = (0u64, 0u64);
    while let Some(message) = reader.next().with_context(why)? {
        let Some(channel) = channels.by_topic(&message.channel.topic) else {
            continue;
        };
        keyframes += u64::from(message.channel.topic == "/keyframes");
        let times = [message.log_time_ns, message.publish_time_ns];
        let views = watch.take(channel, times, message.data);
        seen += u64::from(!views.is_empty());
        views.iter().try_for_each(&mut each)?;
    }
    if seen < keyframes || keyframes == 0 {
        eprintln!("{keyframes} keyframes in the log, {seen} with a picture");
    }
    let gaps = reader.dropped().iter();
    let unkept_s: f64 = gaps.map(|gap| (gap.to_ns - gap.from_ns) as f64 / 1e9).sum();
    if unkept_s > 0.0 {
        eprintln!("not kept, by policy: {unkept_s:.1} s of the drive");
    }
    for damage in reader.damages() {
        eprintln!("damage: {damage}");
    }
    Ok(())
}

fn print(said: &Description, json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &Line::from(said))?;
        return Ok(writeln!(out)?);
    }
    let seconds = said.captured_ns as f64 / 1e9;
    match said.camera.is_empty() {
        true => write!(out, "{}", said.text)?,
        false => write!(out, "{seconds:.3}  {}  {}", said.camera, said.text)?,
    }
    if out.is_terminal() {
        write!(
            out,
            "  ({} of {} tokens, {:.0} ms)",
            said.kept.len(),
            said.tokens,
            (said.look_ns + said.choose_ns + said.answer_ns) as f64 / 1e6
        )?;
    }
    Ok(writeln!(out)?)
}
