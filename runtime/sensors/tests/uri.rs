//! Source URIs: every form parses, prints back to itself, and errors say what to write.

use drafthorse_sensors::{Scheme, SourceKind, SourceUri};
use proptest::prelude::*;
use std::path::Path;

const FORMS: [(&str, Scheme, SourceKind, bool); 18] = [
    ("ars548:a/b.bin", Scheme::Ars548, SourceKind::Radar, false),
    (
        "ars548+pcap:x.pcapng",
        Scheme::Ars548Pcap,
        SourceKind::Radar,
        false,
    ),
    (
        "ars548+udp:224.0.2.2:42102",
        Scheme::Ars548Udp,
        SourceKind::Radar,
        true,
    ),
    (
        "ars548+udp:224.0.2.2:42102?iface=127.0.0.1",
        Scheme::Ars548Udp,
        SourceKind::Radar,
        true,
    ),
    (
        "ars548+udp:[ff02::2]:42102",
        Scheme::Ars548Udp,
        SourceKind::Radar,
        true,
    ),
    ("ti:radar.bin", Scheme::Ti, SourceKind::Radar, false),
    (
        "ti+serial:/dev/ttyUSB1?baud=921600",
        Scheme::TiSerial,
        SourceKind::Radar,
        true,
    ),
    (
        "can+candump:c.log?map=toyota-tracks",
        Scheme::CanCandump,
        SourceKind::Can,
        false,
    ),
    (
        "can+candump:c.log?map=toyota-tracks&iface=can1",
        Scheme::CanCandump,
        SourceKind::Can,
        false,
    ),
    (
        "can+socket:can0?map=my/map.toml",
        Scheme::CanSocket,
        SourceKind::Can,
        true,
    ),
    (
        "video:highway.mp4",
        Scheme::Video,
        SourceKind::Camera,
        false,
    ),
    (
        "jpeg:frames?fps=12.5",
        Scheme::Jpeg,
        SourceKind::Camera,
        false,
    ),
    (
        "v4l2:/dev/video0?width=640&height=480&fps=30&format=mjpeg",
        Scheme::V4l2,
        SourceKind::Camera,
        true,
    ),
    ("sync:/dev/ttyTHS1", Scheme::Sync, SourceKind::Sync, true),
    (
        "sync:/dev/ttyTHS1?baud=460800&out0=30&out7=12.5@79.999",
        Scheme::Sync,
        SourceKind::Sync,
        true,
    ),
    (
        "mcap:drive.mcap?topic=/points",
        Scheme::Mcap,
        SourceKind::Log,
        false,
    ),
    (
        "synth:?seed=7&seconds=20",
        Scheme::Synth,
        SourceKind::Synthetic,
        false,
    ),
    ("synth:", Scheme::Synth, SourceKind::Synthetic, false),
];

#[test]
fn every_form_of_the_contract_parses_and_prints_back() {
    for (text, scheme, kind, live) in FORMS {
        let uri: SourceUri = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(
            (uri.scheme(), uri.kind(), uri.is_live()),
            (scheme, kind, live),
            "{text}"
        );
        assert_eq!(uri.to_string(), text);
        let json = serde_json::to_string(&uri).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<SourceUri>(&json).unwrap(), uri);
    }
    let seen: std::collections::BTreeSet<Scheme> = FORMS.iter().map(|f| f.1).collect();
    assert_eq!(seen.len(), Scheme::ALL.len(), "a scheme has no example");
}

#[test]
fn errors_say_what_to_write() {
    let cases = [
        ("radar.bin", "SCHEME:TARGET"),
        ("drive.mp4", "video:drive.mp4"),
        ("/dev/video0", "v4l2:/dev/video0"),
        ("", "SCHEME:TARGET"),
        ("vidoe:x.mp4", "did you mean `video`"),
        ("ars54:x", "did you mean `ars548`"),
        ("quantum:x", "ars548, ars548+pcap"),
        ("video:", "video:FILE"),
        ("ars548+udp:224.0.2.2", "ars548+udp:GROUP:PORT"),
        ("ars548+udp:radar:1", "not an address and a port"),
        ("can+candump:c.log", "needs the option `map`"),
        ("can+socket:an-interface-too-long?map=m", "1 to 15"),
        ("video:x.mp4?fps=3", "no option `fps`"),
        ("jpeg:d?fps=0", "a rate"),
        ("jpeg:d?fps=NaN", "a rate"),
        ("jpeg:d?fps=", "fps=VALUE"),
        ("jpeg:d?fps=1&fps=2", "given once"),
        ("ti+serial:/dev/x?baud=fast", "a whole number"),
        ("v4l2:/dev/video0?format=rgb", "yuyv, nv12 or mjpeg"),
        ("sync:/dev/x?out8=30", "no option `out8`"),
        ("sync:/dev/x?out0=1001", "a rate of"),
        ("sync:/dev/x?out0=0.0105", "a rate of"),
        ("sync:/dev/x?out0=30@33.34", "the phase in ms"),
        ("sync:/dev/x?out0=30@-1", "the phase in ms"),
        ("synth:world?seed=1", "options only"),
        ("C:\\drive\\x.mp4", "unknown source scheme"),
    ];
    for (text, words) in cases {
        let error = text.parse::<SourceUri>().expect_err(text).to_string();
        assert!(error.contains(words), "{text:?}: {error}");
        let json = serde_json::to_string(text).unwrap();
        assert!(serde_json::from_str::<SourceUri>(&json).is_err());
    }
}

#[test]
fn relative_paths_are_taken_from_the_configurations_folder() {
    let at = |text: &str| {
        let uri: SourceUri = text.parse().unwrap();
        uri.resolved(Path::new("/cfg")).to_string()
    };
    assert_eq!(at("video:a.mp4"), "video:/cfg/a.mp4");
    assert_eq!(at("video:/x/a.mp4"), "video:/x/a.mp4");
    assert_eq!(at("v4l2:/dev/video0"), "v4l2:/dev/video0");
    assert_eq!(
        at("ars548+udp:224.0.2.2:42102"),
        "ars548+udp:224.0.2.2:42102"
    );
    assert_eq!(at("synth:?seed=1"), "synth:?seed=1");
    assert_eq!(
        at("can+candump:c.log?map=m.toml"),
        "can+candump:/cfg/c.log?map=/cfg/m.toml"
    );
    assert_eq!(
        at("can+socket:can0?map=toyota-tracks"),
        "can+socket:can0?map=toyota-tracks"
    );
}

#[test]
fn options_are_read_by_name() {
    let uri: SourceUri = "synth:?seed=7&seconds=2.5".parse().unwrap();
    assert_eq!(uri.number::<u64>("seed").unwrap(), Some(7));
    assert_eq!(uri.number::<f64>("seconds").unwrap(), Some(2.5));
    assert_eq!(uri.number::<u64>("none").unwrap(), None);
    assert!(uri.number::<u64>("seconds").is_err());
    let endpoint = "ars548+udp:224.0.2.2:42102".parse::<SourceUri>().unwrap();
    assert_eq!(endpoint.endpoint().unwrap().to_string(), "224.0.2.2:42102");
}

#[test]
fn the_schema_is_a_string_whose_pattern_names_every_scheme() {
    let schema = serde_json::to_value(schemars::schema_for!(SourceUri)).unwrap();
    assert_eq!(schema["type"], "string");
    let pattern = schema["pattern"].as_str().unwrap();
    for scheme in Scheme::ALL {
        assert!(
            pattern.contains(&scheme.name().replace('+', "\\+")),
            "{scheme}"
        );
    }
}

proptest! {
    #[test]
    fn any_path_survives_printing_and_parsing(path in "[^\u{0}-\u{1f} \u{7f}\u{85}\u{a0}%?&][^\u{0}-\u{1f}\u{7f}]{0,40}[a-z]") {
        let text = format!("video:{}", path.replace('%', "%25").replace('?', "%3F").replace('&', "%26"));
        let uri: SourceUri = text.parse().unwrap();
        prop_assert_eq!(uri.target(), path.as_str());
        let again: SourceUri = uri.to_string().parse().unwrap();
        prop_assert_eq!(again, uri);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        if let Ok(uri) = text.parse::<SourceUri>() {
            prop_assert_eq!(uri.to_string().parse::<SourceUri>().unwrap(), uri);
        }
    }
}

#[test]
fn a_file_keeps_its_name_whatever_is_in_it() {
    let path = std::path::Path::new("odd %3F? & name.mcap");
    let uri = SourceUri::of_file(Scheme::Mcap, path, &[("topic", "/a")]).unwrap();
    assert_eq!((uri.path(), uri.option("topic")), (path, Some("/a")));
    // Written and read again it is the same.
    assert_eq!(uri.to_string().parse::<SourceUri>().unwrap(), uri);
    assert!(SourceUri::of_file(Scheme::Mcap, path, &[("speed", "1")]).is_err());
    assert!(SourceUri::of_file(Scheme::Video, std::path::Path::new(""), &[]).is_err());
}
