//! Writes scenes for the vision-language model, or reads the facts out of captions.
#![allow(clippy::print_stdout)] // A command that prints.

mod manifest;
mod sheet;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use drafthorse_synth::scenes::{
    BITS, CAPTION_WORDS, PAINT_COLOURS, Scene, Scenes, ScenesConfig, Split, fact_words, keys,
    names, parse, save, values, vocabulary,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Writes scenes of the synthetic world with facts, questions and captions.
#[derive(Parser)]
#[command(name = "drafthorse-scenes", version)]
struct Args {
    /// Folder of the scenes: new, empty, or of the same options.
    #[arg(long, required_unless_present_any = ["parse", "fact_words"])]
    out: Option<PathBuf>,
    /// What the scenes are for; splits share no seed, and test has its own town.
    #[arg(long, default_value = "train")]
    split: SplitName,
    /// How many scenes.
    #[arg(long, default_value_t = 1000)]
    scenes: usize,
    /// Another seed gives other drives.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..100_000))]
    seed: u64,
    /// Captions of a scene.
    #[arg(long, default_value_t = 4)]
    captions: usize,
    /// Take the drive's truth for what the pictures show, without checking.
    #[arg(long)]
    unverified: bool,
    /// Draw the first scenes with their questions into this JPEG.
    #[arg(long)]
    contact_sheet: Option<PathBuf>,
    /// Read captions from standard input, one a line, and print the facts of each as JSON.
    #[arg(long)]
    parse: bool,
    /// Print the words of captions that carry facts, one a line.
    #[arg(long)]
    fact_words: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum SplitName {
    Train,
    Val,
    Test,
}

impl SplitName {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// Scenes in a file.
const FILE_SCENES: usize = 1000;

fn main() -> Result<()> {
    let args = Args::parse();
    if args.parse {
        return parse_lines();
    }
    if args.fact_words {
        fact_words().iter().for_each(|word| println!("{word}"));
        return Ok(());
    }
    let Some(out) = &args.out else {
        bail!("give --out, --parse or --fact-words");
    };
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make the folder {}", out.display()))?;
    manifest::claim(out, &args)?;
    write_language(out)?;
    generate(&args, out)
}

fn generate(args: &Args, out: &Path) -> Result<()> {
    let split = match args.split {
        SplitName::Train => Split::Train,
        SplitName::Val => Split::Val,
        SplitName::Test => Split::Test,
    };
    let name = args.split.name();
    let mut scenes = Scenes::new(ScenesConfig {
        split,
        seed: args.seed,
        captions: args.captions,
        verified: !args.unverified,
    });
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} scenes, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(args.scenes as u64).with_style(style);
    let begun = Instant::now();
    let (mut done, mut file) = (0, 0);
    while done < args.scenes {
        let count = FILE_SCENES.min(args.scenes - done);
        let batch: Vec<Scene> = (0..count)
            .map(|_| {
                bar.inc(1);
                scenes.take()
            })
            .collect();
        save(&batch, out, &format!("{name}-{file:03}"))?;
        if let (0, Some(path)) = (file, &args.contact_sheet) {
            sheet::write(&batch, path)?;
        }
        (done, file) = (done + count, file + 1);
    }
    bar.finish_and_clear();
    let tally = serde_json::to_string_pretty(&scenes.tally())?;
    let path = out.join(format!("{name}-tally.json"));
    std::fs::write(&path, tally + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{done} scenes in {seconds:.1} s, {:.1} a second; {}",
        done as f64 / seconds,
        path.display()
    );
    Ok(())
}

/// The words and values that captions, questions and answers have.
fn write_language(out: &Path) -> Result<()> {
    let facts: serde_json::Map<_, _> = keys()
        .into_iter()
        .map(|k| (k.clone(), json!(values(&k))))
        .collect();
    let language = json!({
        "words": vocabulary(),
        "facts": facts,
        "names": names(),
        "bits": BITS,
        "paints": PAINT_COLOURS,
        "caption_words": CAPTION_WORDS,
    });
    let path = out.join("language.json");
    std::fs::write(&path, serde_json::to_string_pretty(&language)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))
}

fn parse_lines() -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        println!("{}", serde_json::to_string(&parse(&line?))?);
    }
    Ok(())
}
