//! How scenery looks: buildings with windows, barriers, poles, signs, trees and hedges.

use crate::canvas::Colour;
use crate::lens::Lens;
use crate::rng::Rng;
use crate::scenery::{Kind, Piece};
use crate::shapes::{ball, block, plate_x, plate_y};

const FACADES: [Colour; 8] = [
    [196.0, 178.0, 152.0],
    [172.0, 110.0, 88.0],
    [206.0, 202.0, 192.0],
    [150.0, 136.0, 122.0],
    [214.0, 192.0, 146.0],
    [136.0, 92.0, 78.0],
    [178.0, 186.0, 186.0],
    [190.0, 160.0, 140.0],
];
const METAL: Colour = [150.0, 154.0, 158.0];
const BARK: Colour = [92.0, 74.0, 58.0];
const LEAVES: [Colour; 4] = [
    [74.0, 112.0, 52.0],
    [92.0, 128.0, 60.0],
    [62.0, 98.0, 58.0],
    [112.0, 132.0, 66.0],
];

/// One piece of scenery.
pub(crate) fn piece(lens: &mut Lens, piece: &Piece) {
    let mut rng = Rng::new(piece.seed, 22);
    match piece.kind {
        Kind::Building => building(lens, piece, &mut rng),
        Kind::Wall => wall(lens, piece, &mut rng),
        Kind::Rail => rail(lens, piece),
        Kind::Pole => pole(lens, piece),
        Kind::Sign => sign(lens, piece, &mut rng),
        Kind::Tree => tree(lens, piece, &mut rng),
        Kind::Hedge => hedge(lens, piece, &mut rng),
        Kind::Rack => rack(lens, piece, &mut rng),
    }
}

fn building(lens: &mut Lens, piece: &Piece, rng: &mut Rng) {
    let solid = &piece.solid;
    let (l, w, top) = (0.5 * solid.length, 0.5 * solid.width, solid.top);
    let facade = FACADES[rng.index(FACADES.len())];
    let roof = facade.map(|c| 0.45 * c);
    block(lens, &solid.pose, [-l, -w, 0.0], [l, w, top], facade);
    let (eaves, plinth) = (0.25, 0.5);
    block(
        lens,
        &solid.pose,
        [-l - eaves, -w - eaves, top],
        [l + eaves, w + eaves, top + 0.35],
        roof,
    );
    let plinth_colour = facade.map(|c| 0.62 * c);
    block(
        lens,
        &solid.pose,
        [-l - 0.05, -w - 0.05, 0.0],
        [l + 0.05, w + 0.05, plinth],
        plinth_colour,
    );
    if lens.distance([solid.pose.x, solid.pose.y]) > 170.0 {
        return;
    }
    let shops = top > 6.0 && rng.chance(0.5);
    let (pane, frame) = (rng.range(0.9, 1.4), rng.range(2.3, 3.2));
    let floors = ((top - 0.8) / 3.0).floor() as usize;
    for floor in 0..floors {
        let sill = 1.0 + 3.0 * floor as f64;
        let shop = shops && floor == 0;
        for (half, face) in [(l, 0), (l, 1), (w, 2), (w, 3)] {
            let count = ((2.0 * half - 0.8) / frame).floor().max(1.0) as usize;
            let pitch = 2.0 * half / count as f64;
            for i in 0..count {
                let middle = -half + pitch * (i as f64 + 0.5);
                let wide = if shop { 0.42 * pitch } else { 0.5 * pane };
                let span = [middle - wide, middle + wide];
                let z = if shop {
                    [0.55, 2.6]
                } else {
                    [sill, sill + 1.5]
                };
                let tone = rng.range(0.75, 1.2) as f32;
                let glass = [70.0, 86.0, 102.0].map(|c| c * tone);
                let plate = |lens: &mut Lens, colour| match face {
                    0 => plate_y(lens, &solid.pose, w + 0.06, 1.0, span, z, colour),
                    1 => plate_y(lens, &solid.pose, -w - 0.06, -1.0, span, z, colour),
                    2 => plate_x(lens, &solid.pose, l + 0.06, 1.0, span, z, colour),
                    _ => plate_x(lens, &solid.pose, -l - 0.06, -1.0, span, z, colour),
                };
                // Somebody is at home where the pane happens to be a bright one.
                if lens.air.headlamps > 0.0 && (shop || tone > 1.05) {
                    lens.glowing(|lens| {
                        plate(lens, [236.0, 196.0, 128.0].map(|c| c * 0.75 * tone));
                    });
                } else {
                    plate(lens, glass);
                }
            }
        }
    }
}

fn wall(lens: &mut Lens, piece: &Piece, rng: &mut Rng) {
    let solid = &piece.solid;
    let (l, w, top) = (0.5 * solid.length, 0.5 * solid.width, solid.top);
    let tone = rng.range(0.94, 1.04) as f32;
    let concrete = [172.0, 170.0, 162.0].map(|c| c * tone);
    block(lens, &solid.pose, [-l, -w, 0.0], [l, w, top], concrete);
    block(
        lens,
        &solid.pose,
        [l - 0.2, -w - 0.08, 0.0],
        [l, w + 0.08, top + 0.1],
        METAL,
    );
}

fn rail(lens: &mut Lens, piece: &Piece) {
    let solid = &piece.solid;
    let (l, top) = (0.5 * solid.length, solid.top);
    block(
        lens,
        &solid.pose,
        [-l, -0.05, top - 0.31],
        [l, 0.05, top],
        [186.0, 190.0, 194.0],
    );
    let groove = [128.0, 132.0, 137.0];
    for left in [-1.0, 1.0] {
        plate_y(
            lens,
            &solid.pose,
            left * 0.06,
            left,
            [-l, l],
            [top - 0.19, top - 0.12],
            groove,
        );
    }
    for x in [-0.5 * l, 0.5 * l] {
        block(
            lens,
            &solid.pose,
            [x - 0.05, -0.04, 0.0],
            [x + 0.05, 0.04, top - 0.3],
            METAL,
        );
    }
}

fn pole(lens: &mut Lens, piece: &Piece) {
    let (pose, top) = (&piece.solid.pose, piece.solid.top);
    block(lens, pose, [-0.08, -0.08, 0.0], [0.08, 0.08, top], METAL);
    block(
        lens,
        pose,
        [-0.04, -0.04, top - 0.1],
        [0.04, 1.4, top],
        METAL,
    );
    block(
        lens,
        pose,
        [-0.15, 1.1, top - 0.2],
        [0.15, 1.8, top - 0.06],
        [222.0, 224.0, 220.0],
    );
    lens.lamp(
        pose,
        [0.0, 1.45, top - 0.2],
        0.0,
        [255.0, 226.0, 170.0],
        1.6,
    );
}

fn sign(lens: &mut Lens, piece: &Piece, rng: &mut Rng) {
    let (pose, top) = (&piece.solid.pose, piece.solid.top);
    block(lens, pose, [-0.03, -0.03, 0.0], [0.03, 0.03, top], METAL);
    let (w, low) = (0.5 * piece.solid.width, top - 0.75);
    let colours: [(Colour, Colour); 3] = [
        ([32.0, 84.0, 168.0], [236.0, 240.0, 244.0]),
        ([196.0, 30.0, 32.0], [240.0, 240.0, 240.0]),
        ([236.0, 196.0, 40.0], [40.0, 40.0, 40.0]),
    ];
    let (field, mark) = colours[rng.index(3)];
    block(lens, pose, [-0.05, -w, low], [0.04, w, top], field);
    plate_x(
        lens,
        pose,
        -0.06,
        -1.0,
        [-0.55 * w, 0.55 * w],
        [low + 0.25, top - 0.25],
        mark,
    );
}

fn tree(lens: &mut Lens, piece: &Piece, rng: &mut Rng) {
    let solid = &piece.solid;
    let (crown, top) = (0.5 * solid.length, solid.top);
    let stem = 0.42 * top;
    block(
        lens,
        &solid.pose,
        [-0.14, -0.14, 0.0],
        [0.14, 0.14, stem + 0.6],
        BARK,
    );
    let leaves = LEAVES[rng.index(4)];
    let tall = 0.5 * (top - stem);
    for _ in 0..4 {
        let tone = rng.range(0.85, 1.12) as f32;
        let centre = [
            rng.range(-0.4, 0.4) * crown,
            rng.range(-0.4, 0.4) * crown,
            stem + tall * rng.range(0.75, 1.2),
        ];
        let size = rng.range(0.6, 0.85);
        ball(
            lens,
            &solid.pose,
            centre,
            crown * size,
            tall * size,
            leaves.map(|c| c * tone),
        );
    }
}

fn hedge(lens: &mut Lens, piece: &Piece, rng: &mut Rng) {
    let solid = &piece.solid;
    let leaves = LEAVES[rng.index(4)];
    let count = (solid.length / 0.9).ceil();
    for i in 0..count as usize {
        let x = -0.5 * solid.length + (i as f64 + 0.5) * solid.length / count;
        let tall = solid.top * rng.range(0.8, 1.0);
        let tone = rng.range(0.88, 1.08) as f32;
        let centre = [x, rng.range(-0.12, 0.12), 0.5 * tall];
        ball(
            lens,
            &solid.pose,
            centre,
            0.72,
            0.55 * tall,
            leaves.map(|c| c * tone),
        );
    }
}

/// Bicycles side by side, or a bin or bench, by how long it is.
fn rack(lens: &mut Lens, piece: &Piece, rng: &mut Rng) {
    let solid = &piece.solid;
    let (l, w, top) = (0.5 * solid.length, 0.5 * solid.width, solid.top);
    if solid.length < 1.2 {
        let bin = [[70.0, 92.0, 76.0], [96.0, 98.0, 102.0]][rng.index(2)];
        block(lens, &solid.pose, [-l, -w, 0.0], [l, w, top], bin);
        return;
    }
    let count = (solid.length / 0.45) as usize;
    for i in 0..count {
        let x = -l + (i as f64 + 0.5) * solid.length / count as f64;
        let tone = rng.range(0.4, 1.0);
        let frame = [150.0, 70.0, 66.0].map(|c| (c * tone) as f32);
        block(
            lens,
            &solid.pose,
            [x - 0.03, -0.85, 0.0],
            [x + 0.03, -0.25, 0.62],
            METAL,
        );
        block(
            lens,
            &solid.pose,
            [x - 0.03, 0.25, 0.0],
            [x + 0.03, 0.85, 0.62],
            METAL,
        );
        block(
            lens,
            &solid.pose,
            [x - 0.03, -0.5, 0.5],
            [x + 0.03, 0.5, 0.9],
            frame,
        );
    }
}
