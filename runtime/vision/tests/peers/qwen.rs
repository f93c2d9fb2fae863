//! A Qwen2.5-VL of 4 px patches against `transformers`: positions on three axes.

use crate::common::{QUESTION, Reference, models, picture, says, sees};
use drafthorse_vision::Prompt;

const SIZES: [(&str, u32, u32); 3] = [("within", 50, 34), ("above", 100, 70), ("below", 10, 20)];

fn positions(prompt: &Prompt) -> Vec<i64> {
    let axes = 0..prompt.positions.axes();
    axes.flat_map(|axis| prompt.positions.axis(axis)).collect()
}

#[test]
fn token_ids_and_positions_are_the_peers() {
    let reference = Reference::of("qwen2_5_vl");
    let (_, mut vlm) = models("qwen2_5_vl").swap_remove(0);
    let looked: Vec<_> = SIZES
        .iter()
        .map(|&(_, width, height)| vlm.look(&picture(width, height)).unwrap())
        .collect();
    for ((name, ..), tokens) in SIZES.iter().zip(&looked) {
        let prompt = vlm.prompt(&[tokens], Some(QUESTION)).unwrap();
        assert_eq!(prompt.ids, reference.ids(&format!("{name}.ids")));
        assert_eq!(
            positions(&prompt),
            reference.integers(&format!("{name}.positions"))
        );
    }
    let prompt = vlm
        .prompt(&[&looked[0], &looked[2]], Some(QUESTION))
        .unwrap();
    assert_eq!(prompt.ids, reference.ids("both.ids"));
    assert_eq!(positions(&prompt), reference.integers("both.positions"));
}

#[test]
fn features_logits_and_answers_are_the_peers() {
    let reference = Reference::of("qwen2_5_vl");
    for (engine, mut vlm) in models("qwen2_5_vl") {
        for (name, width, height) in SIZES {
            let mut pixels = vlm
                .settings()
                .preparation
                .prepare(&picture(width, height))
                .unwrap();
            pixels.values = reference.floats(&format!("{name}.pixels"));
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
fn text_goes_on_where_it_would_if_nothing_was_pruned() {
    let (_, mut vlm) = models("qwen2_5_vl").swap_remove(0);
    let tokens = vlm.look(&picture(50, 34)).unwrap();
    let whole = vlm.prompt(&[&tokens], None).unwrap();
    let none = vlm.prompt(&[&tokens.keep(&[]).unwrap()], None).unwrap();
    assert_eq!(whole.ids.len() - none.ids.len(), tokens.len());
    assert_eq!(whole.next, none.next);
    let last = |prompt: &Prompt| prompt.positions.at(prompt.ids.len() - 1).to_vec();
    assert_eq!(last(&whole), last(&none));
}
