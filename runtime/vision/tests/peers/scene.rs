//! The scene model, smaller and untrained, against its own code in PyTorch.

use crate::common::{Reference, backends, folder, models, near, picture};
use drafthorse_engine::LoadOptions;
use drafthorse_vision::Matcher;

const QUESTIONS: [(&str, Option<&str>); 2] =
    [("question", Some("Where is the car?")), ("caption", None)];

#[test]
fn features_logits_and_answers_are_the_peers() {
    let reference = Reference::of("scene_vlm");
    for (engine, mut vlm) in models("scene_vlm") {
        let all = vlm.look(&picture(256, 128)).unwrap();
        near(engine, &all.features, &reference.floats("features"), 1e-4);
        let kept: Vec<usize> = (1..128).step_by(3).collect();
        let kept = all.keep(&kept).unwrap();
        for (name, question) in QUESTIONS {
            let words = reference.ids(&format!("{name}.ids"));
            for (which, tokens) in [("all", &all), ("kept", &kept)] {
                let prompt = vlm.prompt(&[tokens], question).unwrap();
                assert_eq!(prompt.ids[tokens.len()..], words);
                assert_eq!(prompt.next, 128 + words.len() as i64);
                vlm.begin(&prompt, &[tokens]).unwrap();
                let rows = tokens.len()..prompt.ids.len();
                let logits: Vec<f32> = rows
                    .flat_map(|row| vlm.logits(row).unwrap().to_vec())
                    .collect();
                let theirs = reference.floats(&format!("{name}.{which}_logits"));
                near(
                    &format!("{engine}, {name}, {which}"),
                    &logits,
                    &theirs,
                    1e-4,
                );
                let answer = vlm.answer(&[tokens], question).unwrap();
                let theirs = reference.ids(&format!("{name}.{which}_said"));
                assert_eq!(answer.ids, theirs, "{engine}, {name}, {which}");
            }
        }
    }
}

#[test]
fn a_cameras_picture_is_cut_as_the_models_own() {
    let (_, mut vlm) = models("scene_vlm").swap_remove(0);
    let tokens = vlm.look(&picture(640, 360)).unwrap();
    let places = tokens.places();
    // Eight of 144 rows are cut off above and below.
    assert!((places[0].centre[1] - (8.0 + 8.0) / 144.0).abs() < 1e-6);
    assert!((places[127].centre[1] - (136.0 - 8.0) / 144.0).abs() < 1e-6);
    assert_eq!((places[17].row, places[17].column), (1, 1));
}

#[test]
fn a_questions_attention_is_the_peers() {
    let reference = Reference::of("scene_vlm");
    for (engine, mut vlm) in models("scene_vlm") {
        let tokens = vlm.look(&picture(256, 128)).unwrap();
        let prompt = vlm.prompt(&[&tokens], QUESTIONS[0].1).unwrap();
        let attention = vlm.question_attention(&prompt, &[&tokens]).unwrap();
        let attention = attention.unwrap();
        assert_eq!(
            attention.words,
            ["where", "is", "the", "car", "?", "<answer>"]
        );
        near(
            engine,
            &attention.weights,
            &reference.floats("attention"),
            1e-5,
        );
    }
    let (_, mut other) = models("smolvlm").swap_remove(0);
    let tokens = other.look(&picture(50, 34)).unwrap();
    let prompt = other.prompt(&[&tokens], None).unwrap();
    assert_eq!(other.question_attention(&prompt, &[&tokens]).unwrap(), None);
}

#[test]
fn pictures_patches_and_texts_match_as_the_peers() {
    let reference = Reference::of("scene_vlm");
    for backend in backends() {
        let options = LoadOptions::default();
        let mut matcher = Matcher::open(&folder("scene_vlm"), backend.as_ref(), &options).unwrap();
        let matched = matcher.picture(&picture(256, 128)).unwrap();
        near(
            "picture",
            &matched.picture,
            &reference.floats("picture"),
            1e-4,
        );
        near(
            "patches",
            &matched.patches,
            &reference.floats("patches"),
            1e-4,
        );
        let text = matcher.text("Where is the car?").unwrap();
        near("text", &text, &reference.floats("text"), 1e-4);
        let fit = matched.fit(&text);
        let theirs = reference.floats("patches");
        let third: f32 = theirs[32..48].iter().zip(&text).map(|(a, b)| a * b).sum();
        assert!(fit.len() == 128 && (fit[2] - third).abs() < 1e-4);
    }
    let error = Matcher::open(
        &folder("smolvlm"),
        backends()[0].as_ref(),
        &LoadOptions::default(),
    );
    assert!(
        error
            .err()
            .unwrap()
            .to_string()
            .contains("no image_match.onnx")
    );
}

#[test]
fn to_go_back_is_never_to_have_gone_there_bit_for_bit() {
    for (engine, mut vlm) in models("scene_vlm") {
        let tokens = vlm.look(&picture(256, 128)).unwrap();
        // Pruned tokens leave gaps in the positions, which stay where they are.
        let kept: Vec<usize> = (0..tokens.len()).step_by(3).collect();
        let tokens = tokens.keep(&kept).unwrap();
        let prompt = vlm.prompt(&[&tokens], None).unwrap();
        vlm.begin(&prompt, &[&tokens]).unwrap();
        vlm.go_on(&[7, 9]).unwrap();
        vlm.go_on(&[8]).unwrap();
        let expected = vlm.logits(0).unwrap().to_vec();

        vlm.begin(&prompt, &[&tokens]).unwrap();
        vlm.go_on(&[11, 12, 13]).unwrap();
        vlm.keep(0).unwrap();
        vlm.go_on(&[7, 9]).unwrap();
        vlm.go_on(&[14, 15, 16, 17]).unwrap();
        vlm.keep(2).unwrap();
        vlm.go_on(&[8]).unwrap();
        let bits = |logits: &[f32]| logits.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(vlm.logits(0).unwrap()), bits(&expected), "{engine}");

        assert!(vlm.keep(4).unwrap_err().to_string().contains("entries"));
        assert_eq!(bits(vlm.logits(0).unwrap()), bits(&expected), "{engine}");
    }
}
