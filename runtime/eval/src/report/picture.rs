//! Bird's-eye pictures of mistakes: points, truth and detections around the spot, ahead is up.

use std::fmt::Write as _;

use super::markup::{close_panel, escaped, figure, open_panel};
use crate::evaluation::Rules;
use crate::misses::{FOUND_WITHIN_M, Miss, Mistake};
use crate::scene::{Box3, Detection, Object, Scene};

/// Half the picture's side, m.
const HALF_M: f64 = 14.0;
/// The picture's side, px.
const SIDE: f64 = 300.0;
const GRID_M: f64 = 5.0;

pub(super) fn push(scenes: &[Scene<'_>], rules: &Rules, misses: &[Miss], page: &mut String) {
    for (title, wanted) in [
        ("Worst misses: not found, by returns and range", true),
        ("Worst false alarms, by score", false),
    ] {
        let chosen: Vec<&Miss> = misses
            .iter()
            .filter(|m| matches!(m.mistake, Mistake::Missed(_)) == wanted)
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let aside = format!(
            "{} m wide, ahead is up, grid {GRID_M} m · green: truth, grey: truth that need not be found, blue: detections (faint: below the score of best F1), red: the mistake",
            2.0 * HALF_M
        );
        open_panel("panel wide", title, &aside, page);
        page.push_str("<div class=\"pictures\">");
        for miss in chosen {
            push_picture(scenes, rules, miss, page);
        }
        page.push_str("</div>");
        close_panel(page);
    }
}

fn push_picture(scenes: &[Scene<'_>], rules: &Rules, miss: &Miss, page: &mut String) {
    let scene = &scenes[miss.scene];
    let frame = Frame::around(miss.shape(scenes));
    let _ = write!(
        page,
        "<figure><figcaption><b>{}</b> · {}</figcaption><svg viewBox=\"0 0 {SIDE} {SIDE}\" role=\"img\" aria-label=\"bird's-eye view\">",
        escaped(scene.id()),
        escaped(&caption(scene, miss))
    );
    frame.push_grid(page);
    for point in &scene.labels.points_m {
        let [px, py] = frame.pixel(f64::from(point[0]), f64::from(point[1]));
        if (0.0..=SIDE).contains(&px) && (0.0..=SIDE).contains(&py) {
            let _ = write!(
                page,
                "<circle class=\"point\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"1.6\"/>"
            );
        }
    }
    for (t, truth) in scene.labels.truth.iter().enumerate() {
        let shape = &truth.object.shape;
        if miss.mistake == Mistake::Missed(t) || !frame.shows(shape) {
            continue;
        }
        let kind = if rules.counts(truth) {
            "truth"
        } else {
            "truth unjudged"
        };
        frame.push_box(shape, kind, page);
    }
    let nearly = nearly_found(scenes, miss);
    for (d, detection) in scene.detections.iter().enumerate() {
        let shape = &detection.object.shape;
        if miss.mistake == Mistake::FalseAlarm(d) || !frame.shows(shape) {
            continue;
        }
        let weak = detection.score < miss.score;
        frame.push_box(shape, if weak { "found weak" } else { "found" }, page);
        if !weak || nearly == Some(d) {
            frame.push_text(detection, "score", page);
        }
    }
    let shape = miss.shape(scenes);
    frame.push_box(shape, "wrong", page);
    if let Mistake::FalseAlarm(d) = miss.mistake {
        frame.push_text(&scene.detections[d], "bad", page);
    }
    page.push_str("</svg></figure>");
}

/// The best detection of the class on a truth that was not found, however low its score.
fn nearly_found(scenes: &[Scene<'_>], miss: &Miss) -> Option<usize> {
    let scene = &scenes[miss.scene];
    let Mistake::Missed(t) = miss.mistake else {
        return None;
    };
    let object = &scene.labels.truth[t].object;
    let [x, y, _] = object.shape.centre_m;
    let near = |d: &Detection| {
        let [dx, dy, _] = d.object.shape.centre_m;
        d.object.class == object.class && (dx - x).hypot(dy - y) < FOUND_WITHIN_M
    };
    let detections = scene.detections.iter().enumerate();
    detections
        .filter(|(_, d)| near(d))
        .max_by(|a, b| a.1.score.total_cmp(&b.1.score))
        .map(|(i, _)| i)
}

/// Class, range, and what is known of it.
fn caption(scene: &Scene<'_>, miss: &Miss) -> String {
    let range = |shape: &Box3| format!("{} m away", figure(shape.ground_range_m(), 1));
    match miss.mistake {
        Mistake::Missed(t) => {
            let truth = &scene.labels.truth[t];
            let mut parts = vec![truth.object.class.clone(), range(&truth.object.shape)];
            match truth.returns {
                Some(1) => parts.push("1 return".to_owned()),
                Some(n) => parts.push(format!("{n} returns")),
                None => {}
            }
            parts.extend(
                truth
                    .moving
                    .map(|moves| if moves { "moving" } else { "static" }.to_owned()),
            );
            parts.extend(truth.track.map(|track| format!("track {track}")));
            parts.join(", ")
        }
        Mistake::FalseAlarm(d) => {
            let detection = &scene.detections[d];
            format!(
                "{} of score {}, {}",
                detection.object.class,
                figure(detection.score, 2),
                range(&detection.object.shape)
            )
        }
    }
}

/// The part of the scene in a picture.
struct Frame {
    centre_m: [f64; 2],
}

impl Frame {
    fn around(shape: &Box3) -> Self {
        Self {
            centre_m: [shape.centre_m[0], shape.centre_m[1]],
        }
    }

    fn pixel(&self, x_m: f64, y_m: f64) -> [f64; 2] {
        let scale = SIDE / (2.0 * HALF_M);
        [
            SIDE / 2.0 - (y_m - self.centre_m[1]) * scale,
            SIDE / 2.0 - (x_m - self.centre_m[0]) * scale,
        ]
    }

    fn shows(&self, shape: &Box3) -> bool {
        let reach = HALF_M + shape.size_m[0].hypot(shape.size_m[1]) / 2.0;
        (0..2).all(|axis| (shape.centre_m[axis] - self.centre_m[axis]).abs() < reach)
    }

    fn push_grid(&self, page: &mut String) {
        for axis in 0..2 {
            let low = ((self.centre_m[axis] - HALF_M) / GRID_M).ceil();
            let high = ((self.centre_m[axis] + HALF_M) / GRID_M).floor();
            let mut step = low;
            while step <= high {
                let at_m = step * GRID_M;
                let mut at = self.centre_m;
                at[axis] = at_m;
                let [px, py] = self.pixel(at[0], at[1]);
                let path = if axis == 0 {
                    format!("M0 {py:.1}H{SIDE}")
                } else {
                    format!("M{px:.1} 0V{SIDE}")
                };
                let _ = write!(page, "<path class=\"rule\" d=\"{path}\"/>");
                let (tx, ty) = if axis == 0 {
                    (3.0, py - 2.0)
                } else {
                    (px + 2.0, SIDE - 4.0)
                };
                let _ = write!(
                    page,
                    "<text x=\"{tx:.1}\" y=\"{ty:.1}\">{} m</text>",
                    figure(at_m, 0)
                );
                step += 1.0;
            }
        }
    }

    /// The box, with a stroke from its centre to its front.
    fn push_box(&self, shape: &Box3, kind: &str, page: &mut String) {
        let (sin, cos) = shape.yaw_rad.sin_cos();
        let [x, y, _] = shape.centre_m;
        let place = |along: f64, across: f64| {
            let (l, w) = (
                along * shape.size_m[0] / 2.0,
                across * shape.size_m[1] / 2.0,
            );
            self.pixel(x + cos * l - sin * w, y + sin * l + cos * w)
        };
        let mut path = String::new();
        for (i, (along, across)) in [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)]
            .into_iter()
            .enumerate()
        {
            let [px, py] = place(along, across);
            let letter = if i == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{px:.1} {py:.1}");
        }
        let ([cx, cy], [fx, fy]) = (place(0.0, 0.0), place(1.0, 0.0));
        let _ = write!(
            page,
            "<path class=\"{kind}\" d=\"{path}ZM{cx:.1} {cy:.1}L{fx:.1} {fy:.1}\"/>"
        );
    }

    /// The class, shortened, and the score beside the box.
    fn push_text(&self, detection: &Detection, kind: &str, page: &mut String) {
        let Object { shape, class, .. } = &detection.object;
        let [px, py] = self.pixel(shape.centre_m[0], shape.centre_m[1]);
        let away = shape.size_m[0].max(shape.size_m[1]) / 2.0 * SIDE / (2.0 * HALF_M);
        let short: String = class.chars().take(3).collect();
        let _ = write!(
            page,
            "<text class=\"{kind}\" x=\"{:.1}\" y=\"{:.1}\">{} {}</text>",
            px + away.min(24.0) + 3.0,
            py - 3.0,
            escaped(&short),
            figure(detection.score, 2)
        );
    }
}
