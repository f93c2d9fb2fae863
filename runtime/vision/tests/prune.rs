//! Laws of pruning that hold for every method and every combination.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_vision::prune::{
    Attention, Diverse, FastV, Features, Importance, Method, Navigation, Part, PruneError, Pruning,
    Pyramid, Random, Ranked, Tokens, Uniform, budgets,
};
use drafthorse_vision::{Layout, Place, Window};
use proptest::prelude::*;

fn grid(rows: usize, columns: usize) -> Vec<Place> {
    Layout::single(rows, columns, Window::WHOLE)
        .places()
        .collect()
}

/// All that may be known of a picture's tokens.
#[derive(Clone, Debug)]
struct Picture {
    places: Vec<Place>,
    features: Vec<f32>,
    before: Vec<f32>,
    weights: Vec<f32>,
    saliency: Vec<f32>,
    radar: Vec<f32>,
    expected: Vec<f32>,
    way: Vec<bool>,
    seed: u64,
}

const WIDTH: usize = 5;
const CONTENT: [bool; 3] = [false, true, false];

impl Picture {
    fn keep(&self, pruning: &Pruning, keep: usize) -> Result<Vec<usize>, PruneError> {
        let before = [Features::new(&self.before, WIDTH).unwrap()];
        let features = Features::new(&self.features, WIDTH).unwrap();
        let tokens = Tokens {
            attention: Attention::new(&self.weights, &CONTENT),
            question: None,
            saliency: Some(&self.saliency),
            way: Some(&self.way),
            radar: Some(&self.radar),
            expected: Some(&self.expected),
            before: &before,
            seed: self.seed,
            ..Tokens::new(&self.places, features)
        };
        pruning.keep(&tokens, keep)
    }
}

/// Numbers as networks give them, and now and then one that is none.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        40 => -2.0_f32..2.0,
        4 => Just(0.0),
        1 => prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX)],
    ]
}

fn numbers(count: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(number(), count)
}

fn picture() -> impl Strategy<Value = Picture> {
    (1_usize..3, 1_usize..7, 1_usize..9).prop_flat_map(|(tiles, rows, columns)| {
        let grid = grid(rows, columns);
        let tiles = (0..tiles).flat_map(|tile| {
            let of = |place: &Place| Place { tile, ..*place };
            grid.iter().map(of).collect::<Vec<_>>()
        });
        let places: Vec<Place> = tiles.collect();
        let count = places.len();
        let numbers = (
            numbers(count * WIDTH),
            numbers(count * WIDTH),
            numbers(count * CONTENT.len()),
            numbers(count),
            numbers(count),
            numbers(count),
        );
        let way = prop::collection::vec(any::<bool>(), count);
        (numbers, way, any::<u64>()).prop_map(move |(numbers, way, seed)| {
            let (features, before, weights, saliency, radar, expected) = numbers;
            Picture {
                places: places.clone(),
                features,
                before,
                weights,
                saliency,
                radar,
                expected,
                way,
                seed,
            }
        })
    })
}

fn importance() -> impl Strategy<Value = Importance> {
    let weight = || prop_oneof![Just(0.0_f32), 0.0_f32..2.0];
    let weights = [(); 6].map(|()| weight());
    (weights, any::<bool>()).prop_map(|(weights, scale_attention)| {
        let [saliency, instruction, radar, expected, change, revisit] = weights;
        Importance {
            saliency,
            instruction,
            scale_attention,
            radar,
            expected,
            change,
            revisit,
        }
    })
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        any::<u64>().prop_map(|seed| Method::Random(Random { seed })),
        Just(Method::Uniform(Uniform {})),
        Just(Method::FastV(FastV {})),
        Just(Method::Diverse(Diverse {})),
        importance().prop_map(|importance| Method::Ranked(Ranked { importance })),
        (importance(), 1_usize..4, 1_usize..5).prop_map(|(importance, rows, columns)| {
            let regions = [rows, columns];
            Method::Pyramid(Pyramid {
                regions,
                importance,
            })
        }),
        importance().prop_map(|importance| Method::Navigation(Navigation { importance })),
    ]
}

fn pruning() -> impl Strategy<Value = Pruning> {
    let part = (0.1_f32..2.0, method()).prop_map(|(share, method)| Part { share, method });
    prop::collection::vec(part, 1..4).prop_map(|parts| Pruning { parts })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn exactly_so_many_are_kept_ascending_and_again_the_same(
        picture in picture(),
        pruning in pruning(),
        keep in 0_usize..130,
    ) {
        let kept = picture.keep(&pruning, keep).unwrap();
        prop_assert_eq!(kept.len(), keep.min(picture.places.len()));
        prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(kept.last().is_none_or(|i| *i < picture.places.len()));
        prop_assert_eq!(picture.keep(&pruning, keep).unwrap(), kept);
    }

    #[test]
    fn the_way_is_never_dropped_before_the_background(
        picture in picture(),
        importance in importance(),
        keep in 0_usize..130,
    ) {
        let pruning = Pruning::only(Method::Navigation(Navigation { importance }));
        let kept = picture.keep(&pruning, keep).unwrap();
        let dropped = (0..picture.places.len()).filter(|i| !kept.contains(i));
        let way_dropped = dropped.filter(|&i| picture.way[i]).count();
        let background_kept = kept.iter().filter(|&&i| !picture.way[i]).count();
        prop_assert!(way_dropped == 0 || background_kept == 0);
    }

    #[test]
    fn budgets_sum_to_the_whole_and_nobody_gets_more_than_it_has(
        regions in prop::collection::vec((number(), 0_usize..9), 0..12),
        keep in 0_usize..120,
    ) {
        let (saliency, sizes): (Vec<f32>, Vec<usize>) = regions.into_iter().unzip();
        let budgets = budgets(keep, &saliency, &sizes);
        let all: usize = sizes.iter().sum();
        prop_assert_eq!(budgets.iter().sum::<usize>(), keep.min(all));
        prop_assert!(budgets.iter().zip(&sizes).all(|(budget, size)| budget <= size));
        let filled = sizes.iter().filter(|size| **size > 0).count();
        if keep >= filled {
            prop_assert!(budgets.iter().zip(&sizes).all(|(budget, size)| *budget > 0 || *size == 0));
        }
    }

    #[test]
    fn what_is_kept_by_rank_is_never_less_important_than_what_is_not(
        picture in picture(),
        importance in importance(),
        keep in 0_usize..130,
    ) {
        let kept = picture.keep(&Pruning::only(Method::Ranked(Ranked { importance })), keep).unwrap();
        let before = [Features::new(&picture.before, WIDTH).unwrap()];
        let tokens = Tokens {
            attention: Attention::new(&picture.weights, &CONTENT),
            saliency: Some(&picture.saliency),
            radar: Some(&picture.radar),
            expected: Some(&picture.expected),
            before: &before,
            ..Tokens::new(&picture.places, Features::new(&picture.features, WIDTH).unwrap())
        };
        let scores = importance.scores(&tokens).unwrap();
        let least = kept.iter().map(|&i| scores[i]).fold(f32::INFINITY, f32::min);
        let others = (0..scores.len()).filter(|i| !kept.contains(i));
        prop_assert!(others.map(|i| scores[i]).all(|score| score <= least));
    }

    #[test]
    fn another_seed_is_another_draw_of_the_same_number(seed in any::<u64>(), picture in any::<u64>()) {
        let places = grid(8, 16);
        let values = vec![1.0; 128];
        let mut tokens = Tokens::new(&places, Features::new(&values, 1).unwrap());
        tokens.seed = picture;
        let draw = |seed, tokens: &Tokens<'_>| {
            Pruning::only(Method::Random(Random { seed })).keep(tokens, 32).unwrap()
        };
        let first = draw(seed, &tokens);
        prop_assert_ne!(&draw(seed ^ 1, &tokens), &first);
        tokens.seed ^= 1;
        prop_assert_ne!(&draw(seed, &tokens), &first);
    }
}

#[test]
fn random_draws_are_even() {
    let places = grid(1, 8);
    let values = vec![1.0; 8];
    let mut counts = [0_u32; 8];
    for seed in 0..4000 {
        let mut tokens = Tokens::new(&places, Features::new(&values, 1).unwrap());
        tokens.seed = seed;
        let method = Method::Random(Random::default());
        for i in Pruning::only(method).keep(&tokens, 2).unwrap() {
            counts[i] += 1;
        }
    }
    // 1000 each, standard deviation 27.
    assert!(counts.iter().all(|c| c.abs_diff(1000) < 140), "{counts:?}");
}

#[test]
fn a_quarter_at_an_even_stride_is_every_fourth() {
    let places = grid(2, 8);
    let values = vec![1.0; 16];
    let tokens = Tokens::new(&places, Features::new(&values, 1).unwrap());
    let kept = Pruning::only(Method::Uniform(Uniform {}))
        .keep(&tokens, 4)
        .unwrap();
    assert_eq!(kept, [2, 6, 10, 14]);
}

#[test]
fn function_words_do_not_steer_and_the_last_word_steers_fastv() {
    let places = grid(1, 3);
    let values = vec![1.0; 3];
    // "where", "car", "<answer>" look at one token each.
    let weights = [0.9, 0.0, 0.1, 0.1, 0.5, 0.1, 0.0, 0.1, 0.7];
    let mut tokens = Tokens::new(&places, Features::new(&values, 1).unwrap());
    tokens.attention = Attention::new(&weights, &CONTENT);
    tokens.way = Some(&[true; 3]);
    let one = |method| Pruning::only(method).keep(&tokens, 1).unwrap();
    assert_eq!(one(Method::Navigation(Navigation::default())), [1]);
    assert_eq!(one(Method::FastV(FastV {})), [2]);
}

#[test]
fn what_a_model_does_not_give_is_said() {
    let places = grid(1, 3);
    let values = vec![1.0; 3];
    let mut tokens = Tokens::new(&places, Features::new(&values, 1).unwrap());
    let error = |tokens: &Tokens<'_>, method| {
        Pruning::only(method)
            .keep(tokens, 1)
            .unwrap_err()
            .to_string()
    };
    assert!(error(&tokens, Method::FastV(FastV {})).contains("decoder_head.onnx"));
    assert!(error(&tokens, Method::Navigation(Navigation::default())).contains("way"));
    assert!(error(&tokens, Method::Pyramid(Pyramid::default())).contains("saliency"));
    tokens.saliency = Some(&[0.0; 3]);
    assert!(error(&tokens, Method::Pyramid(Pyramid::default())).contains("attention"));
    // The cosine between question and patches does instead of attention.
    tokens.question = Some(&[0.0, 0.1, 0.3]);
    let method = Method::Pyramid(Pyramid {
        regions: [1, 1],
        ..Pyramid::default()
    });
    assert_eq!(Pruning::only(method).keep(&tokens, 1).unwrap(), [2]);
    tokens.saliency = Some(&[0.0; 2]);
    let error = error(&tokens, method);
    assert_eq!(error, "saliency has 2 values for 3 tokens");
}

#[test]
fn parts_share_the_budget_and_see_what_others_kept() {
    let places = grid(1, 6);
    // Three directions, two tokens each.
    let values = [
        1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0,
    ];
    let mut tokens = Tokens::new(&places, Features::new(&values, 3).unwrap());
    let radar = [0.9, 0.8, 0.0, 0.0, 0.0, 0.0];
    tokens.radar = Some(&radar);
    let importance = Importance {
        radar: 1.0,
        ..Importance::default()
    };
    let part = |method| Part { share: 1.0, method };
    let pruning = Pruning {
        parts: vec![
            part(Method::Ranked(Ranked { importance })),
            part(Method::Diverse(Diverse {})),
        ],
    };
    let kept = pruning.keep(&tokens, 4).unwrap();
    assert_eq!(kept[..2], [0, 1]);
    assert!(
        [2, 3].contains(&kept[2]) && [4, 5].contains(&kept[3]),
        "{kept:?}"
    );
}
