//! `drafthorse eval`: detections against labels by the datasets' rules, and the gate between two
//! detectors.

use super::Failed;
use super::eval_model::{self, Reach};
use super::models::engine_config;
use crate::cli::{EvalArgs, EvalRules};
use anyhow::{Context, Result};
use drafthorse_eval::formats::{jsonl, kitti, shard};
use drafthorse_eval::gate::{self, GateRules, Verdict};
use drafthorse_eval::report::{Judged, Report};
use drafthorse_eval::rules::drives::DriveRules;
use drafthorse_eval::{
    Coverage, DetectedScene, Evaluation, LabelledScene, Rules, Scene, Statistics, pair,
};
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// What is printed with `--json`.
#[derive(Serialize)]
struct Outcome {
    /// Of the models that were run: where and by what they are judged.
    reach: Option<Reach>,
    /// Where the model that was run comes from.
    origin: Option<String>,
    evaluation: Evaluation,
    /// Of the detector in use, with `--gate`.
    incumbent: Option<Evaluation>,
    /// The gate's answer.
    verdict: Option<Verdict>,
}

pub(super) fn eval(args: &EvalArgs) -> Result<()> {
    let rules = match args.rules {
        EvalRules::Drives => Rules::Drives(DriveRules::default()),
        EvalRules::ViewOfDelft => Rules::ViewOfDelft,
        EvalRules::Tj4dradset => Rules::Tj4dRadSet,
        EvalRules::Nuscenes => Rules::NuScenes,
    };
    let mut labels = labels(args)?;
    let mut detections = detections(args, &args.detections)?;
    let paths = [Some(&args.detections), args.gate.as_ref()];
    let models = paths.into_iter().flatten();
    let models = models.filter(|path| eval_model::is_model(path));
    let reaches = models.map(|path| Reach::of(path));
    let reaches = reaches.collect::<Result<Vec<_>>>()?;
    let reach = reaches.into_iter().reduce(Reach::both);
    if let Some(reach) = &reach {
        reach.limit_labels(&mut labels);
        reach.limit_detections(&mut detections);
        eprintln!("judged within {}", reach.words());
    }
    let (scenes, evaluation, statistics) = judge(args, &rules, &labels, &detections)?;
    let mut outcome = Outcome {
        reach,
        origin: eval_model::origin(&args.detections),
        evaluation,
        incumbent: None,
        verdict: None,
    };
    if let Some(path) = &args.gate {
        let mut others = self::detections(args, path)?;
        if let Some(reach) = &reach {
            reach.limit_detections(&mut others);
        }
        let (_, incumbent, theirs) = judge(args, &rules, &labels, &others)?;
        let headline = incumbent.means.first().map(|mean| mean.measure.as_str());
        let headline = headline.context("these rules have no measure")?;
        let gate = GateRules {
            least_gain: args.least_gain,
            ..GateRules::no_worse(&[headline])
        };
        outcome.verdict = Some(gate::decide(&statistics, &theirs, &gate)?);
        outcome.incumbent = Some(incumbent);
    }
    if let Some(path) = &args.report {
        write_report(args, &rules, &scenes, &outcome, path)?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&outcome)?)?;
    } else {
        print(&outcome, &mut out)?;
    }
    match &outcome.verdict {
        Some(verdict) if !verdict.yes => Err(Failed(format!(
            "{} may not take the place of {}: {}",
            args.detections.display(),
            args.gate.as_deref().unwrap_or(Path::new("")).display(),
            verdict.reasons.join("; ")
        ))
        .into()),
        _ => Ok(()),
    }
}

fn is_kitti(args: &EvalArgs) -> bool {
    matches!(args.rules, EvalRules::ViewOfDelft | EvalRules::Tj4dradset)
}

fn labels(args: &EvalArgs) -> Result<Vec<LabelledScene>> {
    let path = &args.labels;
    Ok(match (is_kitti(args), path.is_dir()) {
        (true, _) => kitti::read_label_folder(path)?,
        (false, true) => shard::read_folder(path)?,
        (false, false) => jsonl::read_labels(path)?,
    })
}

fn detections(args: &EvalArgs, path: &Path) -> Result<Vec<DetectedScene>> {
    if eval_model::is_model(path) {
        let config = engine_config(args.config.as_deref(), args.onnxruntime.as_deref())?;
        return eval_model::detections(path, &args.labels, &config);
    }
    Ok(match is_kitti(args) {
        true => kitti::read_result_folder(path)?,
        false => jsonl::read_detections(path)?,
    })
}

fn judge<'a>(
    args: &EvalArgs,
    rules: &Rules,
    labels: &'a [LabelledScene],
    detections: &'a [DetectedScene],
) -> Result<(Vec<Scene<'a>>, Evaluation, Statistics)> {
    // View-of-Delft's own code evaluates the frames that have an answer.
    let coverage = match args.answered || is_kitti(args) {
        true => Coverage::Answered,
        false => Coverage::Every,
    };
    let scenes = pair(labels, detections, coverage)?;
    let (evaluation, statistics) = rules.evaluate(&scenes)?;
    Ok((scenes, evaluation, statistics))
}

fn write_report(
    args: &EvalArgs,
    rules: &Rules,
    scenes: &[Scene<'_>],
    outcome: &Outcome,
    path: &Path,
) -> Result<()> {
    let name = args.detections.display().to_string();
    let gate = args.gate.as_ref().map(|gate| gate.display().to_string());
    let mut detectors = vec![Judged {
        name: &name,
        evaluation: &outcome.evaluation,
    }];
    if let (Some(name), Some(evaluation)) = (&gate, &outcome.incumbent) {
        detectors.push(Judged { name, evaluation });
    }
    let mut notices = args.notice.clone();
    notices.extend(outcome.origin.clone());
    let report = Report {
        title: &name,
        notices: &notices,
        rules,
        detectors: &detectors,
        verdict: outcome.verdict.as_ref(),
        scenes,
    };
    Ok(report.write(path)?)
}

fn print(outcome: &Outcome, out: &mut impl Write) -> Result<()> {
    let evaluation = &outcome.evaluation;
    writeln!(
        out,
        "rules of {}: {} scenes, {} labelled objects, {} detections\n",
        evaluation.rules, evaluation.scenes, evaluation.truths, evaluation.detections
    )?;
    let before = |measure: &str, class: Option<&str>| {
        let incumbent = outcome.incumbent.as_ref()?;
        match class {
            None => {
                let mut means = incumbent.means.iter();
                Some(means.find(|mean| mean.measure == measure)?.map_percent)
            }
            Some(class) => {
                let mut classes = incumbent.classes.iter();
                let found = classes.find(|c| c.measure == measure && c.class == class);
                Some(found?.ap_percent)
            }
        }
    };
    let beside = |before: Option<f64>| match before {
        Some(percent) => format!("  (in use: {percent:6.2})"),
        None => String::new(),
    };
    for mean in &evaluation.means {
        let in_use = beside(before(&mean.measure, None));
        writeln!(
            out,
            "  {:<24} mAP        {:6.2}{in_use}",
            mean.measure, mean.map_percent
        )?;
        let classes = evaluation.classes.iter();
        for class in classes.filter(|class| class.measure == mean.measure) {
            let in_use = beside(before(&class.measure, Some(&class.class)));
            writeln!(
                out,
                "  {:<24} {:<10} {:6.2}{in_use}  of {}",
                "", class.class, class.ap_percent, class.truths
            )?;
        }
    }
    if let Some(verdict) = &outcome.verdict {
        let answer = if verdict.yes { "yes" } else { "no" };
        writeln!(out, "\n  gate: {answer}")?;
        for reason in &verdict.reasons {
            writeln!(out, "    {reason}")?;
        }
    }
    Ok(())
}
