//! What of the world can hide what from a radar.

use crate::scenery::Kind;
use crate::view::View;
use crate::visibility::Visibility;
use crate::world::World;
use drafthorse_core::Class;

/// Looks at the world from a radar that sees as far as `range_m`; the vehicle is at arc length `s`.
pub(crate) fn look(visibility: &mut Visibility, world: &World, view: &View, s: f64, range_m: f64) {
    visibility.begin(view.plane, view.height);
    for placed in &world.placed {
        let leak = match placed.actor.class {
            Class::Truck => 0.02,
            Class::Car => 0.06,
            _ => 0.5,
        };
        visibility.add(&placed.solid, placed.actor.id, leak);
    }
    for piece in world.scenery.between(s - 20.0, s + range_m + 15.0) {
        let leak = match piece.kind {
            Kind::Building | Kind::Wall => 0.0,
            Kind::Rail => 0.25,
            Kind::Hedge => 0.2,
            Kind::Pole | Kind::Sign | Kind::Tree | Kind::Rack => continue,
        };
        visibility.add(&piece.solid, piece.owner(), leak);
    }
}
