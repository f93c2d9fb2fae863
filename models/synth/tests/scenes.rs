//! Scenes follow from their configuration, and say nothing that their pictures do not settle.

use drafthorse_synth::Town;
use drafthorse_synth::scenes::{
    Facts, Scene, Scenes, ScenesConfig, Split, Verdict, parse, save, vocabulary,
};
use std::collections::BTreeSet;

fn config(split: Split, verified: bool) -> ScenesConfig {
    ScenesConfig {
        split,
        seed: 3,
        captions: 2,
        verified,
    }
}

fn take(count: usize, config: ScenesConfig) -> Vec<Scene> {
    let mut scenes = Scenes::new(config);
    (0..count).map(|_| scenes.take()).collect()
}

#[test]
fn the_same_configuration_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let scenes = take(6, config(Split::Train, true));
        save(&scenes, folder.path(), name).unwrap();
    }
    for ending in ["safetensors", "jsonl"] {
        let bytes =
            |name: &str| std::fs::read(folder.path().join(format!("{name}.{ending}"))).unwrap();
        assert!(
            bytes("a") == bytes("b") && bytes("a").len() > 1000,
            "{ending}"
        );
    }
}

#[test]
fn frames_of_a_keyframe_follow_one_another_in_one_air() {
    let mut scenes = Scenes::new(config(Split::Test, true));
    let mut first = Scenes::new(config(Split::Test, true));
    let mut before_s = None;
    for _ in 0..3 {
        let frames = scenes.take_frames(4, 0.4);
        assert_eq!(frames.len(), 4);
        for (number, frame) in frames.iter().enumerate() {
            let (scene, of) = (&frame.scene, &frames[0].scene);
            assert_eq!(
                (scene.seed, scene.weather, scene.light),
                (of.seed, of.weather, of.light)
            );
            assert!((scene.time_s - of.time_s - 0.4 * number as f64).abs() < 1e-6);
            assert!(frame.recorded.starts_with(&[0xFF, 0xD8]) && frame.recorded.len() > 5000);
            assert!(!scene.facts.is_empty());
        }
        assert!(frames[3].scene.rgb != frames[0].scene.rgb);
        let at = (frames[0].scene.seed, frames[0].scene.time_s);
        assert!(before_s.is_none_or(|before| before < at), "{at:?}");
        before_s = Some(at);
    }
    // The first frame is the scene that there is without the others.
    let (alone, with) = (
        first.take(),
        Scenes::new(config(Split::Test, true)).take_frames(2, 0.4),
    );
    assert!(alone.rgb == with[0].scene.rgb && alone.facts == with[0].scene.facts);
}

#[test]
fn captions_and_answers_are_facts_of_their_scene() {
    let words: BTreeSet<String> = vocabulary().into_iter().collect();
    let known = |text: &str| text.split(' ').all(|word| words.contains(word));
    let scenes = take(12, config(Split::Test, true));
    for scene in &scenes {
        assert_eq!(scene.town, Town::Harbour);
        for (told, text) in &scene.captions {
            assert_eq!(&parse(text).facts, told, "{text}");
            assert!(
                told.iter()
                    .all(|(key, value)| scene.facts.get(key) == Some(value))
            );
            assert!(known(text), "{text}");
        }
        for question in &scene.questions {
            let class = question.class.map(|c| drafthorse_synth::shard::CLASSES[c]);
            let key = class.map_or(question.kind.clone(), |c| format!("{}.{c}", question.kind));
            assert_eq!(scene.facts.get(&key), Some(&question.answer));
            assert!(
                known(&question.text) && known(&question.answer),
                "{}",
                question.text
            );
        }
        assert!(scene.radar.len() == scene.radar_object.len() && scene.radar.len() > 20);
    }
    let contents: BTreeSet<_> = scenes.iter().map(|s| s.content).collect();
    assert!(contents.len() >= 5, "{contents:?}");
}

#[test]
fn the_checker_rejects_what_the_truth_alone_would_say() {
    let mut scenes = Scenes::new(config(Split::Train, true));
    let (mut hidden, mut shown) = (0, 0);
    for _ in 0..12 {
        for object in scenes.take().objects.iter().filter(|o| o.distance_m < 38.0) {
            hidden += usize::from(object.verdict == Verdict::Hidden);
            shown += usize::from(object.verdict == Verdict::Shown);
        }
    }
    assert!(hidden > 5 && shown > 20, "{hidden} hidden, {shown} shown");
    let tally = scenes.tally();
    let differing: u64 = tally.facts.values().map(|counts| counts[2]).sum();
    assert!(differing > 0, "{:?}", tally.facts);
    // Unverified scenes have no fact left open for want of a clear picture.
    let count = |facts: &Facts| facts.keys().filter(|k| k.starts_with("count")).count();
    let claimed = take(4, config(Split::Train, false));
    assert!(claimed.iter().all(|s| count(&s.facts) == 4));
}
