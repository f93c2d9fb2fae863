//! Every case on every backend that is present.
#![allow(clippy::print_stdout)]

use drafthorse_engine::Tensor;
use drafthorse_engine_tests::{Candidate, Case, backends, cases, decoder_by_steps, decoder_whole};
use std::collections::BTreeMap;

type Answers = BTreeMap<&'static str, Vec<Vec<Tensor>>>;

#[test]
fn every_backend_passes_every_case_it_is_not_known_to_fail() {
    let (candidates, absent) = backends();
    for error in &absent {
        println!("skipped: {error}");
    }
    assert!(
        absent.is_empty() || std::env::var_os("DRAFTHORSE_ONNXRUNTIME").is_none(),
        "the library that DRAFTHORSE_ONNXRUNTIME names must load"
    );
    let cases = cases();
    check_lists(&candidates, &cases);
    let mut failures = Vec::new();
    let mut first: Option<Answers> = None;
    // The last one is the reference for what has no closed form.
    for candidate in candidates.iter().rev() {
        let mut answers = Answers::new();
        let name = candidate.backend.name();
        let (mut passed, mut ignored, mut alone) = (0, 0, 0);
        for case in &cases {
            let outcome = judge(candidate, case, first.as_ref(), &mut answers);
            match (outcome, candidate.ignored.get(case.name)) {
                (Ok(()), None) if first.is_none() && !case.stands_alone() => alone += 1,
                (Ok(()), None) => passed += 1,
                (Err(_), Some(_)) => ignored += 1,
                (Ok(()), Some(_)) => failures.push(format!(
                    "{name} passes {} now: take it off its list",
                    case.name
                )),
                (Err(why), None) => failures.push(format!("{name} fails {}: {why}", case.name)),
            }
        }
        println!(
            "{name} {}: {passed} passed, {alone} ran and are compared by the others, {ignored} known to fail, of {}",
            candidate.backend.version(),
            cases.len()
        );
        first.get_or_insert(answers);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn judge(
    candidate: &Candidate,
    case: &Case,
    others: Option<&Answers>,
    answers: &mut Answers,
) -> Result<(), String> {
    let answer = case.answers(candidate.backend.as_ref());
    let answer = answer.map_err(|error| error.to_string())?;
    let others = others.and_then(|others| others.get(case.name));
    case.judge(&answer, others.map(Vec::as_slice))?;
    answers.insert(case.name, answer);
    Ok(())
}

/// Names are unique, and the lists name only cases that exist.
fn check_lists(candidates: &[Candidate], cases: &[Case]) {
    let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    let unique: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    for candidate in candidates {
        for name in candidate.ignored.keys() {
            assert!(names.contains(name), "{name} is no case");
        }
    }
}

#[test]
fn a_decoder_gives_the_same_token_by_token_as_at_once() {
    for candidate in backends().0 {
        let backend = candidate.backend.as_ref();
        let whole = decoder_whole(backend, 9).unwrap();
        let steps = decoder_by_steps(backend, 9, 2).unwrap();
        assert_eq!(whole.len(), steps.len());
        let worst = whole.iter().zip(&steps).map(|(a, b)| (a - b).abs());
        let worst = worst.fold(0.0, f32::max);
        println!("{}: largest difference {worst:.1e}", backend.name());
        assert!(worst < 1e-4, "{}: {worst}", backend.name());
    }
}
