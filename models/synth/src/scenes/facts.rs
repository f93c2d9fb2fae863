//! Facts of a scene, as captions state them and answers give them: a value by key. A fact that the
//! picture does not settle has no key.

use super::check::Road;
use super::object::{Object, Verdict};
use crate::paint_users::PAINTS;
use crate::shard::CLASSES;
use std::collections::BTreeMap;

/// Facts by key: `weather`, `light`, `signal`, `zebra`, `ahead`, `colour` (of the nearest
/// car), and `count.CLASS`, `present.CLASS`, `where.CLASS`, `band.CLASS` (of the nearest one).
pub type Facts = BTreeMap<String, String>;

/// What a fact can be: the answers to its question.
#[must_use]
pub fn values(key: &str) -> &'static [&'static str] {
    match key.split('.').next().unwrap_or_default() {
        "weather" => &["clear", "drizzle", "rain", "fog"],
        "light" => &["day", "low-sun", "dusk", "night"],
        "signal" => &["none", "red", "green"],
        "zebra" | "present" => &["no", "yes"],
        "ahead" => &["nobody", "car", "truck", "cyclist", "pedestrian"],
        "colour" => &["white", "black", "grey", "red", "blue", "green", "yellow"],
        "count" => &["0", "1", "2", "3", "4+"],
        "where" => &["left", "ahead", "right"],
        "band" => &["close", "medium", "far"],
        _ => &[],
    }
}

/// Every key, in a fixed order.
#[must_use]
pub fn keys() -> Vec<String> {
    let plain = ["weather", "light", "signal", "zebra", "ahead", "colour"];
    let of_class = ["count", "present", "where", "band"];
    let per_class = of_class
        .iter()
        .flat_map(|key| CLASSES.iter().map(move |class| format!("{key}.{class}")));
    plain
        .iter()
        .map(|k| (*k).to_owned())
        .chain(per_class)
        .collect()
}

/// Name of the colour of each of [`crate::paint_users::PAINTS`].
pub const PAINT_COLOURS: [&str; PAINTS.len()] = [
    "white", "white", "black", "grey", "red", "blue", "green", "yellow", "red",
];

/// Name of a paint: an index into [`PAINT_COLOURS`].
pub(crate) fn colour(paint: usize) -> &'static str {
    PAINT_COLOURS[paint]
}

/// Where in the picture an object is; `None` near a boundary.
fn place(object: &Object) -> Option<&'static str> {
    match object.across() {
        x if x < 0.37 => Some("left"),
        x if (0.41..0.59).contains(&x) => Some("ahead"),
        x if x > 0.63 => Some("right"),
        _ => None,
    }
}

/// How far away an object is: below 11 m, 13 to 20 m, above 23 m; `None` between.
fn band(object: &Object) -> Option<&'static str> {
    match object.distance_m {
        d if d < 11.0 => Some("close"),
        d if (13.0..20.0).contains(&d) => Some("medium"),
        d if d > 23.0 => Some("far"),
        _ => None,
    }
}

/// Whether another could be taken for the nearest: within an eighth more of the distance.
fn rivals<'a>(objects: &[&'a Object]) -> Vec<&'a Object> {
    let nearest_m = objects
        .iter()
        .map(|o| o.distance_m)
        .fold(f64::MAX, f64::min);
    let near = |o: &&&Object| o.distance_m <= 1.125 * nearest_m;
    objects.iter().filter(near).copied().collect()
}

/// What holds for the nearest of `objects`, where it is settled which one that is or all that may
/// be meant agree. Objects are shown or between.
fn of_nearest<T: PartialEq + Copy>(
    objects: &[&Object],
    of: impl Fn(&Object) -> Option<T>,
) -> Option<T> {
    let rivals = rivals(objects);
    let value = of(rivals.first()?)?;
    let agreed = |o: &&Object| o.verdict == Verdict::Shown && of(o) == Some(value);
    rivals.iter().all(agreed).then_some(value)
}

/// The facts of road users. Objects are nearest first; hidden ones do not count.
pub(crate) fn of_objects(objects: &[Object]) -> Facts {
    let mut facts = Facts::new();
    let mut state = |key: String, value: Option<&str>| {
        if let Some(value) = value {
            facts.insert(key, value.to_owned());
        }
    };
    let visible: Vec<&Object> = objects
        .iter()
        .filter(|o| o.verdict != Verdict::Hidden)
        .collect();
    for (index, class) in CLASSES.iter().enumerate() {
        let own: Vec<&Object> = visible
            .iter()
            .filter(|o| usize::from(o.class) == index)
            .copied()
            .collect();
        let sure = own.iter().filter(|o| o.verdict == Verdict::Shown).count();
        let settled = sure == own.len() || sure >= 4;
        let count = ["0", "1", "2", "3", "4+"][sure.min(4)];
        state(format!("count.{class}"), settled.then_some(count));
        let present = match (sure, own.len()) {
            (0, 0) => Some("no"),
            (0, _) => None,
            _ => Some("yes"),
        };
        state(format!("present.{class}"), present);
        state(format!("where.{class}"), of_nearest(&own, place));
        state(format!("band.{class}"), of_nearest(&own, band));
    }
    state("ahead".to_owned(), ahead(&visible));
    facts
}

/// Class of the nearest road user straight ahead.
fn ahead(visible: &[&Object]) -> Option<&'static str> {
    let in_middle: Vec<&Object> = visible
        .iter()
        .filter(|o| place(o).is_none_or(|p| p == "ahead"))
        .copied()
        .collect();
    if in_middle.is_empty() {
        return Some("nobody");
    }
    of_nearest(&in_middle, |o| {
        place(o).map(|_| CLASSES[usize::from(o.class)])
    })
}

/// The nearest car, where it is settled which one that is.
pub(crate) fn nearest_car(objects: &[Object]) -> Option<&Object> {
    let cars: Vec<&Object> = objects
        .iter()
        .filter(|o| o.class == 0 && o.verdict != Verdict::Hidden)
        .collect();
    match rivals(&cars)[..] {
        [only] if only.verdict == Verdict::Shown => Some(only),
        _ => None,
    }
}

/// The facts of what stands by the road.
pub(crate) fn of_road(road: Road) -> Facts {
    let signal = match (road.signal, road.green) {
        (Verdict::Hidden, _) => Some("none"),
        (Verdict::Shown, Some(true)) => Some("green"),
        (Verdict::Shown, Some(false)) => Some("red"),
        _ => None,
    };
    let zebra = match road.zebra {
        Verdict::Hidden => Some("no"),
        Verdict::Shown => Some("yes"),
        Verdict::Between => None,
    };
    let pairs = [("signal", signal), ("zebra", zebra)];
    let known = pairs
        .into_iter()
        .filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned())));
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn object(class: u8, distance_m: f64, across: f64, verdict: Verdict) -> Object {
        let x = 256.0 * across;
        Object {
            id: 1,
            class,
            paint: None,
            centre_m: [distance_m, 0.0, 0.7],
            size_m: [4.0, 1.8, 1.5],
            yaw_rad: 0.0,
            velocity_mps: [0.0; 2],
            moving: false,
            distance_m,
            box_px: [x - 10.0, 60.0, x + 10.0, 80.0],
            inside: 1.0,
            shown_px: 200,
            verdict,
        }
    }

    fn fact<'a>(facts: &'a Facts, key: &str) -> Option<&'a str> {
        facts.get(key).map(String::as_str)
    }

    #[test]
    fn what_is_between_unsettles_what_depends_on_it_and_no_more() {
        use Verdict::{Between, Hidden, Shown};
        let near = object(0, 10.0, 0.2, Shown);
        let vague = object(0, 30.0, 0.5, Between);
        let facts = of_objects(&[near.clone(), vague.clone()]);
        assert_eq!(fact(&facts, "count.car"), None);
        assert_eq!(fact(&facts, "present.car"), Some("yes"));
        assert_eq!(fact(&facts, "where.car"), Some("left"));
        assert_eq!(fact(&facts, "ahead"), None);
        assert_eq!(fact(&facts, "count.pedestrian"), Some("0"));
        let facts = of_objects(&[near.clone(), object(0, 30.0, 0.5, Hidden)]);
        assert_eq!(fact(&facts, "count.car"), Some("1"));
        assert_eq!(fact(&facts, "ahead"), Some("nobody"));
        let facts = of_objects(&[object(0, 9.9, 0.5, Between), near]);
        assert_eq!(fact(&facts, "where.car"), None);
        assert_eq!(fact(&facts, "band.car"), None);
    }

    #[test]
    fn places_near_a_boundary_are_not_named() {
        let facts = |across| of_objects(&[object(3, 20.0, across, Verdict::Shown)]);
        assert_eq!(fact(&facts(0.39), "where.pedestrian"), None);
        assert_eq!(fact(&facts(0.5), "where.pedestrian"), Some("ahead"));
        assert_eq!(fact(&facts(0.7), "where.pedestrian"), Some("right"));
    }

    #[test]
    fn every_value_of_a_scene_is_among_the_values_of_its_key() {
        let facts = of_objects(&[object(1, 40.0, 0.5, Verdict::Shown)]);
        for (key, value) in &facts {
            assert!(values(key).contains(&value.as_str()), "{key} {value}");
            assert!(keys().contains(key));
        }
    }
}
