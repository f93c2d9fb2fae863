//! Passes on what Copper's macros ask of the crate they are used in.

fn main() {
    cu29_build::setup();
}
