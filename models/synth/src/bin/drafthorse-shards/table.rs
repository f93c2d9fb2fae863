//! Statistics as a table.

use drafthorse_synth::shard::{RANGE_EDGES_M, Statistics};
use std::fmt::Write;

/// The statistics, to be read by people.
pub(crate) fn table(s: &Statistics) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("drives {}, frames {}", s.drives, s.frames));
    line(format!(
        "points a scan {:.0} (std {:.0}), a frame {:.0} (std {:.0}); boxes a frame {:.1}",
        s.points_a_scan.mean,
        s.points_a_scan.std,
        s.points_a_frame.mean,
        s.points_a_frame.std,
        s.boxes_a_frame
    ));
    line(format!(
        "within 51.2 m ahead and 25.6 m aside: {:.0} points a scan (std {:.0})",
        s.points_a_scan_near.mean, s.points_a_scan_near.std
    ));
    line(format!("on road users {:.1} %", 100.0 * s.on_road_users));
    line(format!(
        "\n{:<11} {:>7} {:>8} {:>5} {:>8} {:>5} {:>7} {:>5}",
        "points of", "share %", "RCS dBsm", "std", "rate m/s", "std", "z m", "std"
    ));
    for p in s.points.iter().chain([&s.all_points]) {
        line(format!(
            "{:<11} {:>7.1} {:>8.1} {:>5.1} {:>8.2} {:>5.2} {:>7.2} {:>5.2}",
            p.origin,
            100.0 * p.share,
            p.rcs_dbsm.mean,
            p.rcs_dbsm.std,
            p.rate_mps.mean,
            p.rate_mps.std,
            p.z_m.mean,
            p.z_m.std
        ));
    }
    line(format!(
        "\n{:<11} {:>7} {:>8} {:>8} {:>8} {:>8}",
        "boxes", "count", "a frame", "near", "moving %", "silent %"
    ));
    for c in &s.classes {
        line(format!(
            "{:<11} {:>7} {:>8.2} {:>8.2} {:>8.1} {:>8.1}",
            c.class,
            c.boxes,
            c.a_frame,
            c.a_frame_near,
            100.0 * c.moving,
            100.0 * c.silent
        ));
    }
    let mut head = format!("\n{:<11}", "returns");
    for (i, edge) in RANGE_EDGES_M.iter().enumerate() {
        let to = RANGE_EDGES_M
            .get(i + 1)
            .map_or("..".to_owned(), |e| format!("-{e}"));
        let _ = write!(head, " {:>12}", format!("{edge}{to} m"));
    }
    line(head);
    for c in &s.classes {
        let mut row = format!("{:<11}", c.class);
        for (mean, boxes) in c.returns_by_range.iter().zip(&c.boxes_by_range) {
            let _ = write!(row, " {:>12}", format!("{mean:.1} ({boxes})"));
        }
        line(row);
    }
    out
}
