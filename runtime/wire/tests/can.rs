//! Log lines, frames, signals and maps.
#![allow(clippy::unwrap_used)]

use drafthorse_core::{RadarTracks, SensorId};
use drafthorse_wire::can::{
    CanDecoder, CanEvent, CanFrame, CanFrameError, CanMap, CanMapError, CandumpError, Signal,
    parse_line,
};
use proptest::prelude::*;
use std::sync::LazyLock;

fn frame(line: &str) -> Result<CanFrame, CandumpError> {
    Ok(parse_line(line.as_bytes())?.unwrap().frame)
}

#[test]
fn lines_are_read_exactly() {
    let parsed = parse_line(b"(46408.584930) can0 260#08FFFB0000001884\r")
        .unwrap()
        .unwrap();
    assert_eq!((parsed.ns, parsed.interface), (46_408_584_930_000, "can0"));
    assert_eq!((parsed.frame.id, parsed.frame.len), (0x260, 8));
    assert_eq!(parsed.frame.data, [8, 0xFF, 0xFB, 0, 0, 0, 0x18, 0x84]);
    assert_eq!(
        parse_line(b"(1.5) v 1#").unwrap_err(),
        CandumpError::Identifier
    );
    assert_eq!(
        parse_line(b"(1.000000001) v 001#").unwrap().unwrap().ns,
        1_000_000_001
    );
    assert_eq!(parse_line(b"  ").unwrap(), None);
    let extended = frame("(1.0) can0 18FEF100#0102").unwrap();
    assert!(extended.extended && extended.id == 0x18FE_F100 && extended.payload() == [1, 2]);
    let remote = frame("(1.0) can0 123#R4").unwrap();
    assert!(remote.remote && remote.len == 4 && remote.data == [0; 8]);
    assert_eq!(frame("(1.0) can0 123#R").unwrap().len, 0);
    assert_eq!(frame("(1.0) can0 123#1122334455667788_F T").unwrap().len, 8);
}

#[test]
fn other_lines_are_named() {
    for (line, error) in [
        ("(1.0) can0 123##1112233", CandumpError::FdFrame),
        (
            "(1.0) can0 20000004#0001000000000000",
            CandumpError::ErrorFrame,
        ),
        ("(1.0) can0 123#112", CandumpError::Data),
        ("(1.0) can0 123#112233445566778899", CandumpError::Data),
        ("(1.0) can0 123#xy", CandumpError::Data),
        ("(1.0) can0 123#R9", CandumpError::Data),
        ("(1.0) can0 800#11", CandumpError::Identifier),
        ("(1.0) can0 +12#11", CandumpError::Identifier),
        ("(1.0) can0", CandumpError::Shape),
        ("(1.0) can0 123", CandumpError::Shape),
        ("1.0 can0 123#11", CandumpError::Stamp),
        ("(1) can0 123#11", CandumpError::Stamp),
        ("(-1.0) can0 123#11", CandumpError::Stamp),
        ("(1.0000000001) can0 123#11", CandumpError::Stamp),
        ("(99999999999999.0) can0 123#11", CandumpError::Stamp),
    ] {
        assert_eq!(parse_line(line.as_bytes()), Err(error), "{line}");
    }
    assert_eq!(parse_line(&[0xFF, 0xFE]), Err(CandumpError::NotText));
}

#[test]
fn unsound_structs_are_named() {
    assert_eq!(
        CanFrame::from_bytes(&[0; 15]),
        Err(CanFrameError::WrongLength(15))
    );
    let mut bytes = CanFrame {
        id: 1,
        len: 8,
        ..CanFrame::default()
    }
    .to_bytes();
    bytes[4] = 9;
    assert_eq!(CanFrame::from_bytes(&bytes), Err(CanFrameError::TooLong(9)));
    bytes[4] = 0;
    bytes[1] = 8;
    assert_eq!(
        CanFrame::from_bytes(&bytes),
        Err(CanFrameError::IdTooLarge(0x801))
    );
}

fn definition(start: u64, size: u64, order: u8, sign: char) -> Option<Signal> {
    let dbc = format!(
        "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: A\n\nBO_ 1 M: 8 A\n \
         SG_ S : {start}|{size}@{order}{sign} (1,0) [0|0] \"\" Vector__XXX\n"
    );
    let dbc = can_dbc::Dbc::try_from(dbc.as_str()).unwrap();
    Signal::from_dbc(&dbc.messages[0].signals[0])
}

#[test]
fn signals_lie_where_the_format_says() {
    let data = [0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0];
    for (start, size, order, sign, value) in [
        (0, 8, 1, '+', 0x12),
        (0, 16, 1, '+', 0x3412),
        (4, 8, 1, '+', 0x41),
        (7, 8, 0, '+', 0x12),
        (7, 16, 0, '+', 0x1234),
        (3, 8, 0, '+', 0x23),
        (39, 8, 0, '-', 0x9A - 0x100),
        (32, 8, 1, '-', 0x9A - 0x100),
        (7, 64, 0, '+', 0x1234_5678_9ABC_DEF0),
        (0, 64, 1, '-', 0xF0DE_BC9A_7856_3412 - (1_i128 << 64)),
    ] {
        let signal = definition(start, size, order, sign).unwrap();
        assert_eq!(
            signal.raw(&data),
            Some(value),
            "{start}|{size}@{order}{sign}"
        );
    }
    for (start, size, order) in [(60, 5, 1), (56, 2, 0), (64, 1, 1), (0, 65, 1), (0, 0, 1)] {
        assert!(
            definition(start, size, order, '+').is_none(),
            "{start}|{size}@{order}"
        );
    }
    assert_eq!(
        definition(15, 8, 0, '+').unwrap().raw(&data[..1]),
        None,
        "too short a frame"
    );
}

const MAP: &str = r#"
dbc = "a.dbc"
[tracks]
messages = ["T"]
forward = { signal = "F", sign = -1.0, offset = 0.5 }
left = { signal = "L" }
rel_speed = { signal = "L" }
"#;
const DBC: &str = "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: A\n\nBO_ 2566844672 T: 2 A\n \
    SG_ F : 0|8@1+ (0.5,1) [0|0] \"\" Vector__XXX\n SG_ L : 8|8@1- (2,0) [0|0] \"\" Vector__XXX\n";

#[test]
fn a_map_of_ones_own_decodes_each_frame_as_a_cycle() {
    let map = CanMap::from_toml(MAP, |path| {
        assert_eq!(path, "a.dbc");
        Ok(DBC.to_owned())
    })
    .unwrap();
    let mut decoder = CanDecoder::new(map);
    let mut out = RadarTracks::default();
    let frame = frame("(1.0) can0 18FEF100#04FF").unwrap();
    for sequence in 0..3 {
        let event = decoder.decode(SensorId(1), &frame, 5, 6, &mut out);
        assert_eq!((event, out.sequence), (CanEvent::Cycle, sequence));
        let track = out.tracks[0];
        // raw 4 * 0.5 + 1 = 3, times -1, plus 0.5
        assert_eq!(
            (track.forward_m, track.left_m, track.address),
            (-2.5, -2.0, 0x18FE_F100)
        );
    }
    let short = CanFrame { len: 1, ..frame };
    assert_eq!(
        decoder.decode(SensorId(1), &short, 5, 6, &mut out),
        CanEvent::Undecodable
    );
    assert!(!decoder.flush(SensorId(1), &mut out));
}

#[test]
fn maps_that_cannot_work_are_named() {
    let dbc = |_: &str| Ok(DBC.to_owned());
    assert!(matches!(
        CanMap::built_in("ford"),
        Err(CanMapError::UnknownName(_))
    ));
    assert!(matches!(
        CanMap::from_toml("x = 1", dbc),
        Err(CanMapError::Toml(_))
    ));
    let unknown = MAP.replace("left =", "lefft =");
    assert!(matches!(
        CanMap::from_toml(&unknown, dbc),
        Err(CanMapError::Toml(_))
    ));
    let unread = CanMap::from_toml(MAP, |_| Err("no such file".to_owned()));
    assert!(matches!(unread, Err(CanMapError::Read { .. })));
    assert!(matches!(
        CanMap::from_toml(MAP, |_| Ok("?".to_owned())),
        Err(CanMapError::Dbc(_))
    ));
    let message = MAP.replace("\"T\"", "\"U\"");
    assert_eq!(
        CanMap::from_toml(&message, dbc),
        Err(CanMapError::NoMessage("U".to_owned()))
    );
    let signal = MAP.replace("\"L\"", "\"G\"");
    assert!(matches!(
        CanMap::from_toml(&signal, dbc),
        Err(CanMapError::NoSignal { .. })
    ));
    let twice = MAP.replace("[\"T\"]", "[\"T\", \"T\"]");
    assert_eq!(CanMap::from_toml(&twice, dbc), Err(CanMapError::Slots));
    let infinite = MAP.replace("-1.0", "inf");
    assert!(matches!(
        CanMap::from_toml(&infinite, dbc),
        Err(CanMapError::Number(_))
    ));
}

#[test]
fn a_map_takes_only_its_own_buses_and_messages() {
    let map = CanMap::built_in("toyota-tracks").unwrap();
    assert_eq!(CanMap::names().collect::<Vec<_>>(), ["toyota-tracks"]);
    let frame = |id| CanFrame {
        id,
        len: 8,
        ..CanFrame::default()
    };
    assert!(map.accepts(Some("can1"), &frame(0x21F)) && map.accepts(None, &frame(0x210)));
    assert!(!map.accepts(Some("can0"), &frame(0x210)) && !map.accepts(Some("can1"), &frame(0x220)));
    assert!(map.accepts(Some("can0"), &frame(0xAA)) && !map.accepts(Some("can1"), &frame(0xAA)));
    assert!(!map.accepts(
        None,
        &CanFrame {
            extended: true,
            ..frame(0x210)
        }
    ));
    assert!(!map.accepts(
        None,
        &CanFrame {
            remote: true,
            ..frame(0x210)
        }
    ));
}

proptest! {
    #[test]
    fn frames_survive_both_forms(
        id in 0..0x2000_0000_u32, extended: bool, data in prop::collection::vec(any::<u8>(), 0..=8),
        seconds in 0..4_000_000_000_u64, fraction in 0..1_000_000_000_u64,
    ) {
        let id = if extended { id } else { id & 0x7FF };
        let mut frame = CanFrame { id, extended, len: data.len() as u8, ..CanFrame::default() };
        frame.data[..data.len()].copy_from_slice(&data);
        prop_assert_eq!(CanFrame::from_bytes(&frame.to_bytes()), Ok(frame));
        let hex: String = data.iter().map(|byte| format!("{byte:02X}")).collect();
        let width = if extended { 8 } else { 3 };
        let line = format!("({seconds}.{fraction:09}) vcan7 {id:0width$X}#{hex}");
        let parsed = parse_line(line.as_bytes()).unwrap().unwrap();
        prop_assert_eq!(parsed.ns, seconds * 1_000_000_000 + fraction);
        prop_assert_eq!((parsed.interface, parsed.frame), ("vcan7", frame));
    }

    #[test]
    fn a_restored_decoder_goes_on_where_the_other_was(
        frames in prop::collection::vec((0..17_u32, any::<[u8; 8]>(), 0..30_u64), 1..80),
        at in any::<prop::sample::Index>(),
    ) {
        static MAP: LazyLock<CanMap> =
            LazyLock::new(|| CanMap::built_in("toyota-tracks").unwrap());
        let run = |restart: Option<usize>| {
            let new = || CanDecoder::new(MAP.clone());
            let (mut decoder, mut out, mut all) = (new(), RadarTracks::default(), Vec::new());
            let mut now = 0;
            for (index, (slot, data, pause)) in frames.iter().enumerate() {
                if restart == Some(index) {
                    let state = decoder.state().clone();
                    decoder = new();
                    decoder.restore(state);
                }
                now += pause * 1_000_000;
                let frame = CanFrame { id: 0x210 + slot, len: 8, data: *data, ..CanFrame::default() };
                if decoder.decode(SensorId(0), &frame, now, now + 1, &mut out) == CanEvent::Cycle {
                    all.push(out.clone());
                }
            }
            if decoder.flush(SensorId(0), &mut out) {
                all.push(out.clone());
            }
            all
        };
        prop_assert_eq!(run(None), run(Some(at.index(frames.len()))));
    }
}
