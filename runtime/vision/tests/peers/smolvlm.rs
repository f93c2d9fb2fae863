//! A SmolVLM of 24 px tiles against `transformers`.

use crate::common::{QUESTION, Reference, models, picture, says, sees};
use drafthorse_vision::Place;

const SIZES: [(&str, u32, u32); 2] = [("wide", 50, 34), ("tall", 20, 60)];

#[test]
fn token_ids_and_positions_are_the_peers() {
    let reference = Reference::of("smolvlm");
    let (_, mut vlm) = models("smolvlm").swap_remove(0);
    let looked: Vec<_> = SIZES
        .iter()
        .map(|&(_, width, height)| vlm.look(&picture(width, height)).unwrap())
        .collect();
    for ((name, ..), tokens) in SIZES.iter().zip(&looked) {
        let prompt = vlm.prompt(&[tokens], Some(QUESTION)).unwrap();
        assert_eq!(prompt.ids, reference.ids(&format!("{name}.ids")));
        let positions: Vec<i64> = prompt.positions.axis(0).collect();
        assert_eq!(positions, reference.integers(&format!("{name}.positions")));
        assert_eq!(prompt.next, positions.len() as i64);
    }
    let both: Vec<_> = looked.iter().collect();
    let prompt = vlm.prompt(&both, Some(QUESTION)).unwrap();
    assert_eq!(prompt.ids, reference.ids("both.ids"));
}

#[test]
fn features_logits_and_answers_are_the_peers() {
    let reference = Reference::of("smolvlm");
    for (engine, mut vlm) in models("smolvlm") {
        for (name, width, height) in SIZES {
            let mut pixels = vlm
                .settings()
                .preparation
                .prepare(&picture(width, height))
                .unwrap();
            let levels = reference.levels(&format!("{name}.levels"));
            // As the normalisation rounds.
            let value = |level: u8| ((f64::from(level) / 255.0) as f32 - 0.5) / 0.5;
            pixels.values = levels.into_iter().map(value).collect();
            let tokens = vlm.encode(&pixels).unwrap();
            sees(engine, &tokens, &reference, name);
            says(engine, &mut vlm, &tokens, &reference, &format!("{name}."));
            let kept = tokens
                .keep(&reference.indices(&format!("{name}.kept")))
                .unwrap();
            says(
                engine,
                &mut vlm,
                &kept,
                &reference,
                &format!("{name}.kept_"),
            );
        }
    }
}

#[test]
fn tokens_lie_where_their_tiles_are() {
    let (_, mut vlm) = models("smolvlm").swap_remove(0);
    let tokens = vlm.look(&picture(50, 34)).unwrap();
    // Two rows and three columns of tiles, and the thumbnail.
    let places = tokens.places();
    assert_eq!((tokens.layout.split, places.len()), (Some([2, 3]), 28));
    let near = |place: &Place, x: f32, y: f32| {
        (place.centre[0] - x).abs() < 1e-6 && (place.centre[1] - y).abs() < 1e-6
    };
    // The lower right token of the fourth tile, which is the second row's first.
    assert!(places[15].tile == 3 && near(&places[15], 0.25, 0.875));
    assert!(places[24].tile == 6 && near(&places[24], 0.25, 0.25));
    let kept = tokens.keep(&[3, 15, 24]).unwrap();
    assert_eq!(kept.places(), [places[3], places[15], places[24]]);
    assert_eq!(kept.feature(1), tokens.feature(15));
    // Of those that are left again, by their indices there.
    assert_eq!(kept.keep(&[1]).unwrap().kept, [15]);
    for wrong in [&[1, 1][..], &[2, 1], &[28]] {
        let error = tokens.keep(wrong).unwrap_err().to_string();
        assert!(error.contains("ascending and below 28"), "{error}");
    }
}

#[test]
fn features_of_another_prompt_are_refused() {
    let (_, mut vlm) = models("smolvlm").swap_remove(0);
    let tokens = vlm.look(&picture(50, 34)).unwrap();
    let prompt = vlm.prompt(&[&tokens], None).unwrap();
    let fewer = tokens.keep(&[0, 1]).unwrap();
    let error = vlm.begin(&prompt, &[&fewer]).unwrap_err().to_string();
    assert!(
        error.contains("2 of 32 values do not fit 28 places"),
        "{error}"
    );
    let error = vlm.prompt(&[&tokens], Some("<image>?")).unwrap_err();
    assert!(error.to_string().contains("gives 29 tokens"), "{error}");
}
