//! Drafters on every engine: they go back exactly, write texts, and say what is wrong with their files.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use common::{CAPTION, backends, target_folder};
use drafthorse_draft::{
    Draft, DraftError, Drafter, DrafterFolder, DrafterOptions, Draws, Form, FrameScorer, Lookup,
    Plan, Proposer, Rules, Seen, Settled, Target, TargetOptions,
};
use drafthorse_engine::Backend;

struct Here {
    target: Target,
    folder: DrafterFolder,
    _files: tempfile::TempDir,
}

impl Here {
    fn new(backend: &dyn Backend) -> Self {
        let target = Target::open(&target_folder(), backend, &TargetOptions::default()).unwrap();
        let files = tempfile::tempdir().unwrap();
        common::tiny::write(files.path(), target.words());
        let folder = DrafterFolder::open(files.path()).unwrap();
        Self {
            target,
            folder,
            _files: files,
        }
    }

    /// One whose texts never end: what is drafted is as long as asked.
    fn drafter(&self, backend: &dyn Backend, form: Form) -> Drafter {
        let rules = Rules {
            end_tokens: Vec::new(),
            ..self.target.rules().clone()
        };
        let options = DrafterOptions::of(form);
        Drafter::open(&self.folder, self.target.words(), &rules, backend, &options).unwrap()
    }
}

const PLACES: [usize; 5] = [0, 3, 40, 90, 127];

fn features() -> Vec<f32> {
    let mut draws = Draws::new(1);
    (0..5 * 192).map(|_| draws.unit() as f32 - 0.5).collect()
}

/// The target's hidden states before the last of so many words; any numbers serve here.
fn states(words: usize) -> Vec<f32> {
    let mut draws = Draws::new(2);
    let all: Vec<f32> = (0..20 * 192).map(|_| draws.unit() as f32 - 0.5).collect();
    all[..words * 192].to_vec()
}

#[test]
fn a_drafter_that_went_back_drafts_what_a_fresh_one_does_bit_for_bit() {
    let features = features();
    let seen = Seen::new(&features, &PLACES, 128).unwrap();
    let text = [CAPTION, 20, 21, 22, 30, 31];
    for backend in backends() {
        let here = Here::new(backend.as_ref());
        for form in [Form::Standalone, Form::Colocated] {
            for plan in [
                Plan::chain(4),
                Plan {
                    length: 5,
                    branches: 3,
                    total: 8,
                    ..Plan::chain(0)
                },
            ] {
                let draft = |drafter: &mut Drafter, tokens: usize, from: usize| {
                    let all = states(tokens);
                    let settled = Settled {
                        tokens: &text[..tokens],
                        prompt: 1,
                        states: &all[from * 192..],
                    };
                    let mut draft = Draft::default();
                    let draws = &mut Draws::new(0);
                    drafter.draft(&settled, &plan, draws, &mut draft).unwrap();
                    draft
                };
                let mut drafter = here.drafter(backend.as_ref(), form);
                drafter.begin(&seen).unwrap();
                // The same runs of the engine in a fresh one: words one by one.
                let mut fresh = here.drafter(backend.as_ref(), form);
                fresh.begin(&seen).unwrap();
                let nothing = Plan::chain(1);
                for tokens in 1..=text.len() {
                    let drafted = draft(&mut drafter, tokens, tokens - 1);
                    assert_eq!(drafted.len(), if plan.branches == 1 { 4 } else { 8 });
                    let all = states(tokens);
                    let settled = Settled {
                        tokens: &text[..tokens],
                        prompt: 1,
                        states: &all[(tokens - 1) * 192..],
                    };
                    let mut one = Draft::default();
                    let draws = &mut Draws::new(0);
                    fresh.draft(&settled, &nothing, draws, &mut one).unwrap();
                    assert_eq!(
                        one.log_probabilities[0].to_bits(),
                        drafted.log_probabilities[0].to_bits(),
                        "{} {form:?} {tokens}",
                        backend.name()
                    );
                }
                // To begin again is to begin.
                drafter.begin(&seen).unwrap();
                fresh.begin(&seen).unwrap();
                let again = draft(&mut drafter, 4, 0);
                assert_eq!(again, draft(&mut fresh, 4, 0));
            }
        }
    }
}

#[test]
fn a_text_is_written_with_what_was_known_and_scored() {
    let features = features();
    let seen = Seen::new(&features, &PLACES, 128).unwrap();
    for backend in backends() {
        let here = Here::new(backend.as_ref());
        let mut drafter = here.drafter(backend.as_ref(), Form::Standalone);
        let written = drafter.write(&seen, &[CAPTION], 12).unwrap();
        let count = written.ids.len();
        assert!(count == 12 && !written.ended);
        assert_eq!(written.confidence.len(), count);
        assert_eq!(written.hidden_states.len(), count * 192);
        assert!(
            written
                .confidence
                .iter()
                .all(|[p, _, entropy]| *p <= 0.0 && *entropy >= 0.0)
        );
        assert_eq!(drafter.write(&seen, &[CAPTION], 12).unwrap(), written);
        let mut scorer = FrameScorer::open(&here.folder, backend.as_ref(), 1).unwrap();
        let least = written
            .confidence
            .iter()
            .map(|it| it[0])
            .fold(0.0, f32::min);
        let expected = 1.0 / (1.0 + (-f64::from(least)).exp());
        assert!((scorer.score(&written).unwrap() - expected).abs() < 1e-6);
        let mut beside = here.drafter(backend.as_ref(), Form::Colocated);
        let error = beside.write(&seen, &[CAPTION], 12).unwrap_err();
        assert!(matches!(error, DraftError::States { .. }), "{error}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let backend = &backends()[0];
    let here = Here::new(backend.as_ref());
    let features = features();
    for (places, whole) in [
        (&[0, 1, 2, 3, 4, 5, 6][..], 128),
        (&[3, 2, 4, 5, 6], 128),
        (&PLACES, 127),
        (&[], 9),
    ] {
        let error = Seen::new(&features, places, whole).unwrap_err();
        assert!(matches!(error, DraftError::Seen(_)), "{error}");
    }
    let mut drafter = here.drafter(backend.as_ref(), Form::Standalone);
    let narrow = Seen::new(&features[..10], &PLACES, 128).unwrap();
    let error = drafter.begin(&narrow).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("2 values each, and the model takes 192"),
        "{error}"
    );
    let seen = Seen::new(&features, &PLACES, 128).unwrap();
    drafter.begin(&seen).unwrap();
    let settled = Settled {
        tokens: &[9999],
        prompt: 1,
        states: &[],
    };
    let error = drafter.settle(&settled).unwrap_err();
    assert!(
        matches!(error, DraftError::Token { token: 9999, .. }),
        "{error}"
    );

    let open = |options: &DrafterOptions| {
        let (words, rules) = (here.target.words(), here.target.rules());
        Drafter::open(&here.folder, words, rules, backend.as_ref(), options)
            .err()
            .unwrap()
    };
    let error = open(&DrafterOptions {
        precision: Some("q4".to_owned()),
        ..DrafterOptions::of(Form::Standalone)
    });
    assert!(
        error.to_string().contains("no onnx/standalone_q4.onnx"),
        "{error}"
    );
    let config = here.folder.folder.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    for (from, to, why) in [
        ("drafthorse-scene-drafter", "llama", "model_type `llama`"),
        ("[126, 127]", "[127, 126]", "ascending"),
        ("\"slots\": 2", "\"slots\": 3", "3 slots"),
        ("\"slots\"", "\"slits\"", "missing field"),
    ] {
        std::fs::write(&config, text.replace(from, to)).unwrap();
        let error = DrafterFolder::open(&here.folder.folder).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    std::fs::write(here.folder.folder.join("onnx/standalone.onnx"), b"no graph").unwrap();
    let error = open(&DrafterOptions::of(Form::Standalone));
    assert!(error.to_string().contains("standalone.onnx"), "{error}");
}

#[test]
fn a_lookup_goes_on_as_it_did_before() {
    let features = features();
    let seen = Seen::new(&features, &PLACES, 128).unwrap();
    let mut lookup = Lookup::new(3, 2);
    let draft = |lookup: &mut Lookup, tokens: &[u32]| {
        let settled = Settled {
            tokens,
            prompt: 1,
            states: &[],
        };
        let mut draft = Draft::default();
        let draws = &mut Draws::new(0);
        lookup
            .draft(&settled, &Plan::chain(3), draws, &mut draft)
            .unwrap();
        draft.tokens
    };
    lookup.begin(&seen).unwrap();
    assert_eq!(draft(&mut lookup, &[3]), [0; 0]);
    assert_eq!(draft(&mut lookup, &[3, 7, 8, 9, 7]), [8, 9, 7]);
    // The longest run counts, not the latest.
    let text = [3, 7, 8, 9, 1, 8, 2, 7, 8];
    assert_eq!(draft(&mut lookup, &text), [9, 1, 8]);
    lookup.begin(&seen).unwrap();
    assert_eq!(draft(&mut lookup, &[3, 9]), [1, 8, 2]);
    assert_eq!(draft(&mut lookup, &[3, 50]), [0; 0]);
}
