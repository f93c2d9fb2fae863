//! Ways of choosing keyframes, each to the same budget; times in ns.

use anyhow::Result;
use drafthorse_keyframes::{
    Apex, ApexConfig, Apexes, Budget, BudgetConfig, Moment, Sketch, Variation, Weights, highest,
    query,
};

/// Keyframes by each way, named: the selector's, plain ones, and the selector with less or more to go by.
pub(super) fn all(moments: &[Moment], budget: usize) -> Result<Vec<(&'static str, Vec<u64>)>> {
    let full = Weights::default();
    let none = Weights {
        braking: 0.0,
        leader_braking: 0.0,
        danger: 0.0,
        ..full
    };
    let apex =
        |weights: Weights| -> Result<_> { Ok(times(&highest(apexes(moments, weights)?, budget))) };
    Ok(vec![
        ("apex", apex(full)?),
        ("streaming", streaming(moments, budget)?),
        ("uniform", uniform(moments, budget)),
        ("frame_difference", frame_difference(moments, budget)),
        ("top_score", top_score(moments, budget)?),
        (
            "apex_of_own_braking",
            apex(Weights {
                braking: 1.0,
                ..none
            })?,
        ),
        (
            "apex_without_danger",
            apex(Weights {
                danger: 0.0,
                ..full
            })?,
        ),
        (
            "apex_of_traffic",
            apex(Weights {
                leader_braking: 0.5,
                conflict: 0.25,
                entry: 0.3,
                ..none
            })?,
        ),
    ])
}

fn time(moment: &Moment) -> u64 {
    moment.begin_ns / 2 + moment.end_ns / 2
}

fn times(apexes: &[Apex]) -> Vec<u64> {
    apexes.iter().map(|apex| time(&apex.moment)).collect()
}

fn apexes(moments: &[Moment], weights: Weights) -> Result<Vec<Apex>> {
    let mut search = Apexes::new(&ApexConfig {
        weights,
        ..ApexConfig::default()
    })?;
    let mut found: Vec<_> = moments.iter().filter_map(|m| search.push(m)).collect();
    found.extend(search.finish());
    Ok(found)
}

/// As a vehicle does it: each apex is decided ten seconds after it. The whole drive is one period.
fn streaming(moments: &[Moment], budget: usize) -> Result<Vec<u64>> {
    let ends = moments.first().zip(moments.last());
    let span_ns = ends.map_or(0, |(first, last)| last.end_ns - first.begin_ns);
    let mut spending = Budget::new(&BudgetConfig {
        keyframes: budget as f64,
        period_s: span_ns as f64 * 1e-9 + 1.0,
        ..BudgetConfig::default()
    })?;
    let mut search = Apexes::new(&ApexConfig::default())?;
    let mut kept = Vec::new();
    for moment in moments {
        if let Some(apex) = search.push(moment) {
            spending.offer(apex, 1.0);
        }
        spending.pass(moment.end_ns, |apex| kept.push(time(&apex.moment)));
    }
    for apex in search.finish() {
        spending.offer(apex, 1.0);
    }
    spending.finish(|apex| kept.push(time(&apex.moment)));
    Ok(kept)
}

/// The moments of highest variation, without regard to their neighbours or surroundings.
fn top_score(moments: &[Moment], budget: usize) -> Result<Vec<u64>> {
    let mut variation = Variation::new(&ApexConfig::default())?;
    let scored = moments.iter().filter_map(|m| variation.push(m));
    let scored = scored.map(|(moment, priority)| Apex { moment, priority });
    Ok(times(&highest(scored.collect(), budget)))
}

/// The pictures that differ most from the picture before them.
fn frame_difference(moments: &[Moment], budget: usize) -> Vec<u64> {
    let with = moments.iter().filter_map(|m| Some((m, m.sketch.as_ref()?)));
    let with: Vec<_> = with.collect();
    let differ = |pair: &[(&Moment, &Sketch)]| Apex {
        moment: pair[1].0.clone(),
        priority: pair[0].1.distance(pair[1].1),
    };
    times(&highest(with.windows(2).map(differ).collect(), budget))
}

fn uniform(moments: &[Moment], budget: usize) -> Vec<u64> {
    let places = query::uniform(moments.len(), budget);
    places.into_iter().map(|i| time(&moments[i])).collect()
}
