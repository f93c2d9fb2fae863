//! Whatever the draft, the text is what the target writes alone.

use crate::common::{Exam, backends, onnxruntime, prompts, trained, untrained};
use drafthorse_engine::Backend;
use drafthorse_protocol::{BlockId, Code, FrameVerdict};
use drafthorse_target::{Target, TargetError, TargetFiles, TargetOptions};
use std::time::{Duration, Instant};

/// Verifies and generates every block, and counts near ties and draft tokens that stand.
fn near_ties(
    exam: &Exam,
    files: &TargetFiles,
    backend: &dyn Backend,
    ahead: usize,
) -> (usize, usize) {
    let options = TargetOptions {
        ahead,
        ..TargetOptions::default()
    };
    let mut target = Target::open(files, backend, &options).unwrap();
    let (mut ties, mut accepted) = (0, 0);
    for asked in &exam.blocks {
        let verified = target.verify(&asked.request, None).unwrap();
        let again = target.verify(&asked.request, None).unwrap();
        assert_eq!(verified, again, "the same question, the same answer");
        ties += exam.near_ties("verified", asked, &verified.frames);
        accepted += verified
            .frames
            .iter()
            .map(|frame| usize::from(frame.accepted))
            .sum::<usize>();
        let mut undrafted = asked.clone();
        undrafted
            .request
            .drafts
            .fill(drafthorse_protocol::Draft::default());
        let generated = target.generate(&asked.generate(), None).unwrap();
        ties += exam.near_ties("generated", &undrafted, &generated.frames);
    }
    (ties, accepted)
}

#[test]
fn any_draft_gives_the_text_of_the_target_alone_on_every_engine() {
    for backend in backends() {
        let (ties, accepted) = near_ties(Exam::untrained(), &untrained(), backend.as_ref(), 64);
        assert_eq!(ties, 0, "{}", backend.name());
        assert!(accepted > 0, "{}", backend.name());
    }
}

#[test]
fn any_draft_gives_the_text_of_the_trained_target_alone() {
    let Some((exam, backend)) = Exam::trained().zip(onnxruntime()) else {
        println!("left out: DRAFTHORSE_ONNXRUNTIME names no library");
        return;
    };
    let files = trained();
    assert!(files.drafter.is_some(), "somebody drafts beside the target");
    // A token a run, and drafts beside the target of few and of many tokens.
    for ahead in [0, 1, 5, 64] {
        let (ties, accepted) = near_ties(exam, &files, backend.as_ref(), ahead);
        println!(
            "{} prompts, {ahead} ahead: {ties} near ties, {accepted} draft tokens stand",
            prompts()
        );
        assert!(ties <= 2 + prompts() / 100, "{ties} near ties");
        assert!(accepted > 200);
    }
}

#[test]
fn what_does_not_fit_or_is_late_is_an_error() {
    let files = untrained();
    let backend = &backends()[0];
    let options = TargetOptions {
        pace: Duration::from_millis(20),
        ..TargetOptions::default()
    };
    let mut target = Target::open(&files, backend.as_ref(), &options).unwrap();
    let asked = &Exam::untrained().blocks[0];
    let wrong = |change: &dyn Fn(&mut drafthorse_protocol::VerifyRequest)| {
        let mut request = asked.request.clone();
        change(&mut request);
        request
    };

    let long = wrong(&|request| request.scene.prompt = vec![3; 200]);
    assert!(matches!(
        target.verify(&long, None),
        Err(TargetError::TooLong { .. })
    ));
    let fsq = wrong(&|request| request.scene.code = Code::Fsq);
    assert!(matches!(
        target.verify(&fsq, None),
        Err(TargetError::Contract(_))
    ));
    let mut deadline = Instant::now();
    let late = target.verify(&asked.request, Some(deadline));
    assert!(matches!(late, Err(TargetError::Late)), "not begun");
    let mut undrafted = asked.generate();
    undrafted.scene.block = BlockId::new("late").unwrap();
    deadline = Instant::now() + Duration::from_millis(30);
    let late = target.generate(&undrafted, Some(deadline));
    assert!(matches!(late, Err(TargetError::Late)), "given up half way");
    // What was given up leaves nothing behind.
    let verdict: FrameVerdict = target
        .verify(&asked.request, None)
        .unwrap()
        .frames
        .remove(0);
    assert_eq!(verdict.text(&asked.request.drafts[0]), asked.alone[0].text);
}
