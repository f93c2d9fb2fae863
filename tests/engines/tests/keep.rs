//! Going back: what a model gives after it has gone back is what it gives where it never went there.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_engine::{
    Artefact, Backend, EngineError, Kept, LoadOptions, Model, StatePair, Tensor, run_once,
};
use drafthorse_engine_tests::backends;
use drafthorse_onnx::{Builder, DataType, Dim, attr, encode};
use drafthorse_samples::{Decoder, Size};

fn decoder(backend: &dyn Backend) -> Box<dyn Model> {
    let sample = Decoder::of(Size::Tiny).sample();
    let bytes = sample.bytes();
    let artefact = Artefact {
        name: sample.name,
        bytes: &bytes,
    };
    backend.load(artefact, &sample.options(1)).unwrap()
}

/// Bits of the logits after each of the tokens, which are given one by one.
fn say(model: &mut dyn Model, ids: &[i64]) -> Vec<u32> {
    let mut bits = Vec::new();
    for &id in ids {
        let outputs = run_once(model, &[Tensor::new(&[1, 1], vec![id])]).unwrap();
        let logits = outputs[0].data::<f32>().unwrap();
        bits.extend(logits.iter().map(|logit| logit.to_bits()));
    }
    bits
}

#[test]
fn to_go_back_and_on_is_never_to_have_gone_there_bit_for_bit() {
    for candidate in backends().0 {
        let backend = candidate.backend.as_ref();
        let mut straight = decoder(backend);
        let expected = say(straight.as_mut(), &[3, 1, 4, 1, 5]);
        let mut model = decoder(backend);
        say(model.as_mut(), &[3, 1, 2, 2, 6]);
        model.keep(Kept::first(2)).unwrap();
        let after = say(model.as_mut(), &[4, 1, 5]);
        let tail = &expected[expected.len() - after.len()..];
        assert_eq!(after, tail, "{}", backend.name());
        // From the beginning, too.
        model.keep(Kept::first(0)).unwrap();
        assert_eq!(say(model.as_mut(), &[3, 1, 4, 1, 5]), expected);
    }
}

/// `total` is `past` with `new` behind it on the middle axis.
fn concatenation() -> Vec<u8> {
    let mut b = Builder::new("concatenation", 17);
    let rows = |name: &str| {
        let length = Dim::Dynamic(name.to_owned());
        [Dim::Fixed(2), length, Dim::Fixed(2)]
    };
    let past = b.input("past", DataType::F32, &rows("past"));
    let new = b.input("new", DataType::F32, &rows("new"));
    let all = b.node("all", "Concat", &[&past, &new], vec![attr::int("axis", 1)]);
    let copy = b.node("copy", "Identity", &[&all], vec![]);
    b.output("total", &all, DataType::F32, &rows("total"));
    b.output("seen", &copy, DataType::F32, &rows("total"));
    encode(&b.finish())
}

fn load(backend: &dyn Backend, past: usize) -> Box<dyn Model> {
    let options = LoadOptions {
        state: vec![StatePair {
            input: "past".to_owned(),
            output: "total".to_owned(),
            initial: vec![2, past, 2],
        }],
        ..LoadOptions::default()
    };
    let bytes = concatenation();
    let artefact = Artefact {
        name: "concatenation",
        bytes: &bytes,
    };
    backend.load(artefact, &options).unwrap()
}

/// The first row's entries after those are added, two numbers each: `n` and `-n`.
fn add(model: &mut dyn Model, entries: &[f32]) -> Vec<f32> {
    let row = |sign: f32| entries.iter().flat_map(move |&n| [sign * n, -sign * n]);
    let values: Vec<f32> = row(1.0).chain(row(10.0)).collect();
    let new = Tensor::new(&[2, entries.len(), 2], values);
    let seen = run_once(model, &[new]).unwrap().remove(0);
    let values = seen.data::<f32>().unwrap();
    let (first, second) = values.split_at(values.len() / 2);
    assert!(first.iter().zip(second).all(|(a, b)| a * 10.0 == *b));
    assert!(first.chunks_exact(2).all(|pair| pair[0] == -pair[1]));
    first.iter().step_by(2).copied().collect()
}

#[test]
fn single_entries_stay_too() {
    for candidate in backends().0 {
        let mut model = load(candidate.backend.as_ref(), 0);
        add(model.as_mut(), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let kept = Kept {
            first: 2,
            then: &[3, 4, 6],
        };
        model.keep(kept).unwrap();
        let seen = add(model.as_mut(), &[8.0]);
        assert_eq!(seen, [1.0, 2.0, 4.0, 5.0, 7.0, 8.0]);
        let kept = Kept {
            first: 0,
            then: &[5],
        };
        model.keep(kept).unwrap();
        assert_eq!(add(model.as_mut(), &[9.0]), [8.0, 9.0]);
    }
}

#[test]
fn what_cannot_stay_is_refused_and_nothing_is_lost() {
    for candidate in backends().0 {
        let mut model = load(candidate.backend.as_ref(), 0);
        add(model.as_mut(), &[1.0, 2.0, 3.0]);
        for (first, then) in [(4, &[][..]), (0, &[3][..]), (2, &[1][..]), (0, &[2, 2][..])] {
            let error = model.keep(Kept { first, then }).unwrap_err();
            assert!(matches!(error, EngineError::Keep { .. }), "{error}");
        }
        model.keep(Kept::first(3)).unwrap();
        assert_eq!(add(model.as_mut(), &[4.0]), [1.0, 2.0, 3.0, 4.0]);

        // Of a state that is there from the beginning nobody knows which axis grows.
        let mut model = load(candidate.backend.as_ref(), 2);
        add(model.as_mut(), &[1.0]);
        let error = model.keep(Kept::first(2)).unwrap_err();
        assert!(
            error.to_string().contains("not exactly one axis is empty"),
            "{error}"
        );
        assert_eq!(add(model.as_mut(), &[2.0]), [0.0, 0.0, 1.0, 2.0]);
    }
}
