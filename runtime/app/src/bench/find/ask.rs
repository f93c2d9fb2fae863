//! Queries about generated drives whose answers are known.

use super::day::{Day, HAPPENINGS, Instant, MOMENT_NS, User, mixed};
use anyhow::Result;
use drafthorse_core::Class;
use drafthorse_keyframes::query::Query;
use drafthorse_synth::{Light, Weather};

/// Episodes that a query means, at least and at most; and the share of the log's time that they fill at most.
const EPISODES: [usize; 2] = [2, 8];
const FILLED: f64 = 0.15;
/// Moments no further apart are one episode, ns.
const ONE_EPISODE_NS: u64 = 1_500_000_000;
/// What happened together lies within this, in moments on either side.
const TOGETHER: usize = 3;

/// What a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Who is there.
    Seen,
    /// How the scene looks.
    Scene,
    /// What the log says.
    Context,
    /// Two of these.
    Mixed,
}

pub(super) const KINDS: [Kind; 4] = [Kind::Seen, Kind::Scene, Kind::Context, Kind::Mixed];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Scene => "scene",
            Self::Context => "context",
            Self::Mixed => "mixed",
        }
    }
}

/// A query with its answers.
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) query: Query,
    /// Beginning and end of each episode that it means, ns.
    pub(super) episodes_ns: Vec<[u64; 2]>,
}

type Holds = Box<dyn Fn(&Instant) -> bool>;

/// A phrase, and in which moments it holds.
struct Phrase {
    text: String,
    holds: Holds,
}

fn phrase(text: impl Into<String>, holds: impl Fn(&Instant) -> bool + 'static) -> Phrase {
    Phrase {
        text: text.into(),
        holds: Box::new(holds),
    }
}

/// `each` queries of each kind, drawn by the seed among those with the right number of episodes.
pub(super) fn queries(day: &Day, each: usize, seed: u64) -> Result<Vec<Asked>> {
    let (users, airs, told) = (users(), airs(), told());
    let mut asked = Vec::new();
    for kind in KINDS {
        let mut fitting: Vec<Asked> = Vec::new();
        let mut offer = |text: String, holds: Vec<bool>| -> Result<()> {
            let episodes_ns = episodes(day, &holds);
            let filled: u64 = episodes_ns.iter().map(|[from, to]| to - from).sum();
            let all = day.instants.len() as u64 * MOMENT_NS;
            let is_right = (EPISODES[0]..=EPISODES[1]).contains(&episodes_ns.len());
            if is_right && filled as f64 <= FILLED * all as f64 {
                fitting.push(Asked {
                    kind,
                    query: Query::parse(&text)?,
                    episodes_ns,
                });
            }
            Ok(())
        };
        match kind {
            Kind::Seen => users
                .iter()
                .try_for_each(|p| offer(p.text.clone(), marks(day, p)))?,
            Kind::Scene => {
                for air in &airs {
                    offer(air.text.clone(), marks(day, air))?;
                    let busy = crowded();
                    offer(
                        format!("{} {}", busy.text, air.text),
                        both(&marks(day, &busy), &marks(day, air), 0),
                    )?;
                }
            }
            Kind::Context => told
                .iter()
                .try_for_each(|p| offer(p.text.clone(), marks(day, p)))?,
            Kind::Mixed => {
                for user in &users {
                    for air in lights().iter().chain(&weathers()) {
                        offer(
                            format!("{} {}", user.text, air.text),
                            both(&marks(day, user), &marks(day, air), 0),
                        )?;
                    }
                }
                for told in &told {
                    for air in lights().iter().chain(&weathers()) {
                        offer(
                            format!("{} {}", told.text, air.text),
                            both(&marks(day, told), &marks(day, air), 0),
                        )?;
                    }
                    for user in &users {
                        let marks = both(&marks(day, told), &marks(day, user), TOGETHER);
                        offer(format!("{} with {}", told.text, user.text), marks)?;
                    }
                }
            }
        }
        let mut order: Vec<usize> = (0..fitting.len()).collect();
        order.sort_by_key(|i| mixed(seed ^ mixed(*i as u64 + 1)));
        order.truncate(each);
        order.sort_unstable();
        let mut number = 0;
        fitting.retain(|_| {
            number += 1;
            order.binary_search(&(number - 1)).is_ok()
        });
        asked.extend(fitting);
    }
    Ok(asked)
}

fn marks(day: &Day, phrase: &Phrase) -> Vec<bool> {
    day.instants
        .iter()
        .map(|instant| (phrase.holds)(instant))
        .collect()
}

/// Moments of the first with one of the second within `within` moments.
fn both(a: &[bool], b: &[bool], within: usize) -> Vec<bool> {
    let near =
        |i: usize| b[i.saturating_sub(within)..(i + within + 1).min(b.len())].contains(&true);
    a.iter()
        .enumerate()
        .map(|(i, holds)| *holds && near(i))
        .collect()
}

fn episodes(day: &Day, holds: &[bool]) -> Vec<[u64; 2]> {
    let mut episodes: Vec<[u64; 2]> = Vec::new();
    for (instant, _) in day.instants.iter().zip(holds).filter(|(_, holds)| **holds) {
        let [from, to] = [instant.at_ns - MOMENT_NS / 2, instant.at_ns + MOMENT_NS / 2];
        match episodes.last_mut() {
            Some(last) if from.saturating_sub(last[1]) <= ONE_EPISODE_NS => last[1] = to,
            _ => episodes.push([from, to]),
        }
    }
    episodes
}

fn users() -> Vec<Phrase> {
    let is_ahead = |u: &User| u.y_m.abs() < 1.9 + 0.06 * u.x_m;
    let crosses = |u: &User| u.vy_mps.abs() > 0.8 && u.vy_mps.abs() > 1.2 * u.vx_mps.abs();
    let mut phrases = Vec::new();
    let names = [
        (Class::Car, ["car", "van"]),
        (Class::Truck, ["truck", "lorry"]),
        (Class::Cyclist, ["cyclist", "bicycle"]),
        (Class::Pedestrian, ["pedestrian", "person on foot"]),
    ];
    for (class, [name, other]) in names {
        let mut add = |text: String, holds: fn(&User) -> bool| {
            phrases.push(phrase(text, move |i| {
                i.users.iter().any(|u| u.class == class && holds(u))
            }));
        };
        add(name.to_owned(), |u| u.x_m < 30.0);
        add(format!("{other} close ahead"), |u| {
            u.x_m.hypot(u.y_m) < 13.0 && u.y_m.abs() < 1.9 + 0.06 * u.x_m
        });
        add(format!("{name} far ahead"), |u| {
            u.x_m.hypot(u.y_m) > 25.0 && u.y_m.abs() < 1.9 + 0.06 * u.x_m
        });
        add(format!("{name} on the left"), |u| {
            u.y_m > 1.9 + 0.06 * u.x_m
        });
        add(format!("{other} on the right"), |u| {
            u.y_m < -1.9 - 0.06 * u.x_m
        });
        add(format!("oncoming {name}"), |u| u.vx_mps < -1.5);
        add(format!("standing {name} on the right"), |u| {
            !u.moving && u.y_m < -1.9 - 0.06 * u.x_m
        });
        add(format!("fast {name}"), |u| u.vx_mps.hypot(u.vy_mps) > 14.0);
        phrases.push(phrase(format!("{name} crossing"), move |i| {
            i.users.iter().any(|u| u.class == class && crosses(u))
        }));
        phrases.push(phrase(format!("{other} crossing in front"), move |i| {
            i.users
                .iter()
                .any(|u| u.class == class && crosses(u) && is_ahead(u))
        }));
    }
    phrases
}

fn lights() -> Vec<Phrase> {
    let named = [
        ("by day", Light::Day),
        ("in a low sun", Light::LowSun),
        ("at dusk", Light::Dusk),
        ("at night", Light::Night),
    ];
    named
        .into_iter()
        .map(|(text, light)| phrase(text, move |i| i.light == light))
        .collect()
}

fn weathers() -> Vec<Phrase> {
    let named = [
        ("in dry weather", Weather::Clear),
        ("in drizzle", Weather::Drizzle),
        ("in heavy rain", Weather::Rain),
        ("in fog", Weather::Fog),
    ];
    named
        .into_iter()
        .map(|(text, weather)| phrase(text, move |i| i.weather == weather))
        .collect()
}

fn crowded() -> Phrase {
    phrase("lots of traffic", |i| {
        i.users.iter().filter(|u| u.moving).count() >= 8
    })
}

/// Every weather in every light.
fn airs() -> Vec<Phrase> {
    let mut airs = Vec::new();
    for light in lights() {
        for weather in weathers() {
            let light = lights().into_iter().find(|other| other.text == light.text);
            if let Some(light) = light {
                let text = format!("{} {}", weather.text, light.text);
                airs.push(phrase(text, move |i| {
                    (light.holds)(i) && (weather.holds)(i)
                }));
            }
        }
    }
    airs
}

fn told() -> Vec<Phrase> {
    let mut phrases = vec![
        phrase("hard braking", |i| i.braking),
        phrase("emergency brake", |i| i.braking),
    ];
    for happening in &HAPPENINGS {
        for query in happening.queries {
            phrases.push(phrase(query, |i| i.happenings.contains(&happening.name)));
        }
    }
    phrases
}
