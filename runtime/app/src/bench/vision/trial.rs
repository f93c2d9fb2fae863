//! Every method at every budget on every question.

use super::methods::{Named, Saliency};
use super::model::{SceneModel, Seen, Sees, Texts};
use super::scenes::Scene;
use anyhow::{Context, Result, bail};
use drafthorse_synth::scenes::Question;
use drafthorse_vision::prune::{
    Attention, Corridor, Features, PruneError, RadarPrior, Tokens, by_norm, by_similarity,
    is_content,
};
use drafthorse_vision::{Layout, Place, Window};
use std::time::{Duration, Instant};

/// A method at a budget.
pub(super) struct Cell {
    /// Its name.
    pub(super) method: String,
    /// The method that it is compared with.
    pub(super) against: Option<String>,
    /// Percent of the tokens that are kept.
    pub(super) keep: f64,
    /// Share of the seeds with which each question is answered right.
    pub(super) right: Vec<f32>,
    /// Tokens that show a road user, and how many of them were kept, over all choices.
    pub(super) shown: [u64; 2],
    /// Time that each choice took.
    pub(super) choosing: Vec<Duration>,
}

/// A question that was put.
pub(super) struct Asked {
    /// Number of its scene.
    pub(super) scene: usize,
    pub(super) question: Question,
}

/// What came of all questions so far.
pub(super) struct Trial<'a> {
    methods: &'a [Named],
    seeds: u64,
    asked: Vec<Asked>,
    scenes: usize,
    /// With all tokens.
    pub(super) full: Vec<f32>,
    /// Budgets of each method, one method after another.
    pub(super) cells: Vec<Cell>,
    /// Times of one question's run over all tokens, and over those of each budget.
    pub(super) prefill: Vec<(f64, Vec<Duration>)>,
    /// Times of finding way and radar in a picture.
    pub(super) projecting: Vec<Duration>,
}

/// What is known before any picture.
pub(super) struct Beforehand {
    /// Every name of every class.
    pub(super) names: Vec<String>,
    /// How often each token shows a road user.
    pub(super) expected: Option<Vec<f32>>,
}

/// Scenes whose first question is run alone to see what it takes.
const TIMED_SCENES: usize = 50;

impl<'a> Trial<'a> {
    pub(super) fn new(methods: &'a [Named], keep: &[f64], seeds: u64) -> Self {
        let cell = |method: &Named, &keep: &f64| Cell {
            method: method.name.clone(),
            against: method.against.clone(),
            keep,
            right: Vec::new(),
            shown: [0; 2],
            choosing: Vec::new(),
        };
        let cells = methods
            .iter()
            .flat_map(|m| keep.iter().map(move |k| cell(m, k)));
        let budgets = [100.0].iter().chain(keep);
        Self {
            methods,
            seeds: seeds.max(1),
            asked: Vec::new(),
            scenes: 0,
            full: Vec::new(),
            cells: cells.collect(),
            projecting: Vec::new(),
            prefill: budgets.map(|keep| (*keep, Vec::new())).collect(),
        }
    }

    pub(super) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// Puts a scene's questions.
    pub(super) fn add(
        &mut self,
        model: &mut SceneModel,
        beforehand: &Beforehand,
        scene: &Scene,
    ) -> Result<()> {
        let number = self.scenes;
        self.scenes += 1;
        if scene.questions.is_empty() {
            return Ok(());
        }
        let seen = model.see(scene)?;
        let texts = model.texts(&scene.questions)?;
        let known = Known::of(model, beforehand, scene, &seen, &texts)?;
        self.projecting.push(known.projecting);
        let count = known.places.len();
        let all: Vec<usize> = (0..count).collect();
        let full = model.said(&seen.features, &texts, &Sees::Same(&all))?;
        if number < TIMED_SCENES {
            let alone = model.texts(&scene.questions[..1])?;
            for (keep, times) in &mut self.prefill {
                let kept = [all[..tokens(*keep, count)].to_vec()];
                let begun = Instant::now();
                model.said(&seen.features, &alone, &Sees::Own(&kept))?;
                times.push(begun.elapsed());
            }
        }
        if number == 0 {
            // Both ways to run must say the same.
            let own = vec![all; scene.questions.len()];
            if model.said(&seen.features, &texts, &Sees::Own(&own))? != full {
                bail!("the decoder answers otherwise where image tokens are run apart");
            }
        }
        let right = model.right(&texts, &full);
        self.full.extend(right.into_iter().map(f32::from));
        let budgets = self.cells.len() / self.methods.len().max(1);
        for (method, cells) in self
            .methods
            .iter()
            .zip(self.cells.chunks_mut(budgets.max(1)))
        {
            let seeds = if method.draws() { self.seeds } else { 1 };
            for cell in cells {
                let mut sums = vec![0.0; scene.questions.len()];
                for seed in 0..seeds {
                    let right = known.right(
                        model,
                        &seen,
                        &texts,
                        method,
                        cell,
                        seed << 32 | number as u64,
                    )?;
                    sums.iter_mut()
                        .zip(right)
                        .for_each(|(sum, right)| *sum += f32::from(right));
                }
                cell.right.extend(sums.iter().map(|sum| sum / seeds as f32));
            }
        }
        let asked = |question: &Question| Asked {
            scene: number,
            question: question.clone(),
        };
        self.asked.extend(scene.questions.iter().map(asked));
        Ok(())
    }
}

/// How many of `count` tokens `keep` percent are.
fn tokens(keep: f64, count: usize) -> usize {
    ((keep / 100.0 * count as f64).round() as usize).clamp(1, count)
}

/// What is known of a scene's tokens.
struct Known {
    places: Vec<Place>,
    way: Vec<bool>,
    radar: Vec<f32>,
    projecting: Duration,
    expected: Option<Vec<f32>>,
    /// Which show a road user.
    shows: Vec<bool>,
    saliency: [Vec<f32>; 3],
    /// Of each question: attention, which words count, cosine to the patches.
    attention: Vec<Vec<f32>>,
    content: Vec<Vec<bool>>,
    cosine: Vec<Vec<f32>>,
}

impl Known {
    fn of(
        model: &mut SceneModel,
        beforehand: &Beforehand,
        scene: &Scene,
        seen: &Seen,
        texts: &Texts,
    ) -> Result<Self> {
        let [rows, columns] = model.grid();
        let places: Vec<Place> = Layout::single(rows, columns, Window::WHOLE)
            .places()
            .collect();
        let width = seen.whole.len();
        let patches = features(&seen.patches, width)?;
        let like = |to: &[f32]| -> Result<Vec<f32>> {
            by_similarity(patches, features(to, width)?)
                .context("texts and patches are of different width")
        };
        let names: Vec<&str> = beforehand.names.iter().map(String::as_str).collect();
        let by_names = like(&model.place(&names)?)?;
        let questions: Vec<&str> = scene.questions.iter().map(|q| q.text.as_str()).collect();
        let questions_at = model.place(&questions)?;
        let cosine = questions_at
            .chunks_exact(width)
            .map(like)
            .collect::<Result<_, _>>()?;
        let content = |question: &&str| {
            // The mark of the answer stands last and names nothing.
            let words = question.split_whitespace().map(is_content);
            words.chain([false]).collect()
        };
        let begun = Instant::now();
        let way = Corridor::default().way(&scene.camera, scene.curvature_per_m, &places);
        let radar = RadarPrior::default().prior(&scene.camera, &scene.radar, &[], &places);
        let projecting = begun.elapsed();
        Ok(Self {
            way,
            radar,
            projecting,
            saliency: [
                by_names,
                like(&seen.whole)?,
                by_norm(features(&seen.features, model.width())?),
            ],
            expected: beforehand.expected.clone(),
            shows: scene.shows.clone(),
            attention: model.attention(&seen.features, texts)?,
            content: questions.iter().map(content).collect(),
            cosine,
            places,
        })
    }

    /// Which questions are answered right with what a method keeps.
    fn right(
        &self,
        model: &mut SceneModel,
        seen: &Seen,
        texts: &Texts,
        method: &Named,
        cell: &mut Cell,
        seed: u64,
    ) -> Result<Vec<bool>> {
        let pruning = method.pruning();
        let keep = tokens(cell.keep, self.places.len());
        let saliency = match method.saliency {
            Saliency::Names => &self.saliency[0],
            Saliency::Picture => &self.saliency[1],
            Saliency::Norm => &self.saliency[2],
        };
        let mut tokens = Tokens {
            saliency: Some(saliency),
            way: Some(&self.way),
            radar: Some(&self.radar),
            expected: self.expected.as_deref(),
            seed,
            ..Tokens::new(&self.places, features(&seen.features, model.width())?)
        };
        let mut choose = |tokens: &Tokens<'_>| {
            let begun = Instant::now();
            let kept = pruning.keep(tokens, keep);
            cell.choosing.push(begun.elapsed());
            let kept = kept?;
            cell.shown[0] += self.shows.iter().filter(|shows| **shows).count() as u64;
            cell.shown[1] += kept.iter().filter(|&&i| self.shows[i]).count() as u64;
            Ok::<_, PruneError>(kept)
        };
        if !method.asks() {
            let kept = choose(&tokens)?;
            let said = model.said(&seen.features, texts, &Sees::Same(&kept))?;
            return Ok(model.right(texts, &said));
        }
        let mut own = Vec::with_capacity(self.content.len());
        for (question, content) in self.content.iter().enumerate() {
            tokens.attention = Attention::new(&self.attention[question], content);
            tokens.question = Some(&self.cosine[question]);
            own.push(choose(&tokens)?);
        }
        let said = model.said(&seen.features, texts, &Sees::Own(&own))?;
        Ok(model.right(texts, &said))
    }
}

fn features(values: &[f32], width: usize) -> Result<Features<'_>> {
    Features::new(values, width).context("features are no whole number of rows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::vision::scenes;
    use crate::describe::{Chooser, View, VisionSettings, class_names};
    use drafthorse_core::Image;
    use drafthorse_engine_auto::{EngineConfig, Engines};
    use drafthorse_synth::scenes::{HEIGHT_PX, Split, WIDTH_PX};
    use drafthorse_vision::prune::Pruning;
    use drafthorse_vision::{Vlm, VlmOptions};
    use std::path::Path;

    const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/scene-vlm-s");

    #[test]
    fn a_run_keeps_the_tokens_that_the_bench_measures() {
        let engines = Engines::open(&EngineConfig::default()).unwrap();
        let backend = engines.by_name("tract").unwrap();
        let mut model = SceneModel::open(Path::new(MODEL), backend).unwrap();
        let beforehand = Beforehand {
            names: class_names(),
            expected: None,
        };
        let scene = scenes::of(Split::Test, 1).next().unwrap();
        let seen = model.see(&scene).unwrap();
        let texts = model.texts(&scene.questions).unwrap();
        let known = Known::of(&mut model, &beforehand, &scene, &seen, &texts).unwrap();

        let mut vlm = Vlm::open(Path::new(MODEL), backend, &VlmOptions::default()).unwrap();
        let image = Image {
            width: WIDTH_PX as u32,
            height: HEIGHT_PX as u32,
            rgb: scene.rgb.clone(),
            ..Image::default()
        };
        let all = vlm.look(&image).unwrap();
        let view = View {
            calibration: Some(scene.camera),
            curvature_per_m: scene.curvature_per_m,
            returns: scene.radar.clone(),
            ..View::of_picture(Vec::new())
        };
        let mut chosen = std::collections::HashSet::new();
        for parts in [
            "[[parts]]\nmethod = \"fastv\"",
            "[[parts]]\nmethod = \"ranked\"\nimportance = { instruction = 1.0 }",
            "[[parts]]\nmethod = \"ranked\"\nimportance = { saliency = 1.0 }",
            "[[parts]]\nmethod = \"ranked\"\nimportance = { radar = 1.0 }",
            "[[parts]]\nmethod = \"navigation\"",
            "[[parts]]\nmethod = \"pyramid\"\nimportance = { saliency = 0.5, instruction = 0.5, scale_attention = true }\n[[parts]]\nmethod = \"uniform\"",
        ] {
            let pruning: Pruning = toml::from_str(parts).unwrap();
            let settings = VisionSettings {
                keep: 0.25,
                pruning: pruning.clone(),
                ..VisionSettings::new(MODEL)
            };
            let keep = settings.kept_of(all.len());
            let mut chooser = Chooser::open(&settings, vlm.attends(), &engines, 1).unwrap();
            for (i, question) in scene.questions.iter().take(2).enumerate() {
                let text = Some(question.text.as_str());
                let prompt = vlm.prompt(&[&all], text).unwrap();
                let attention = vlm.question_attention(&prompt, &[&all]).unwrap();
                let ours = chooser
                    .choose(&image, &all, &view, text, attention.as_ref(), keep)
                    .unwrap();
                let tokens = Tokens {
                    saliency: Some(&known.saliency[0]),
                    way: Some(&known.way),
                    radar: Some(&known.radar),
                    attention: Attention::new(&known.attention[i], &known.content[i]),
                    question: Some(&known.cosine[i]),
                    ..Tokens::new(
                        &known.places,
                        features(&seen.features, model.width()).unwrap(),
                    )
                };
                assert_eq!(
                    ours,
                    pruning.keep(&tokens, keep).unwrap(),
                    "{parts}, {text:?}"
                );
                chosen.insert(ours);
            }
        }
        // They do not all choose the same.
        assert!(chosen.len() >= 6, "{}", chosen.len());
    }
}
