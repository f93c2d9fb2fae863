//! Development certificates: what is written, and that nothing is overwritten.

use drafthorse_target::certificates::{CertificateError, CertificateOptions, write};
use std::fs;
use std::path::Path;
use std::time::Duration;

fn options(out: &Path, vehicles: &[&str]) -> CertificateOptions {
    CertificateOptions {
        out: out.to_owned(),
        servers: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        vehicles: vehicles.iter().map(|&name| name.to_owned()).collect(),
        valid: Duration::from_secs(3600),
    }
}

#[test]
fn vehicles_are_added_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("certs");
    let files = write(&options(&out, &["car-7"])).unwrap();
    let names = files
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap());
    let names: Vec<&str> = names.collect();
    assert_eq!(
        names,
        [
            "ca.pem",
            "ca.key",
            "server.pem",
            "server.key",
            "README.txt",
            "car-7.pem",
            "car-7.key"
        ]
    );
    let all = || {
        files
            .iter()
            .map(|path| fs::read(path).unwrap())
            .collect::<Vec<_>>()
    };
    let before = all();

    let added = write(&options(&out, &["car-8"])).unwrap();
    assert_eq!(added, [out.join("car-8.pem"), out.join("car-8.key")]);
    for vehicles in [&["car-7"][..], &["car-9", "car-8"]] {
        let error = write(&options(&out, vehicles)).unwrap_err();
        assert!(matches!(error, CertificateError::Exists(_)), "{error}");
    }
    assert!(!out.join("car-9.pem").exists(), "all or nothing");
    assert_eq!(all(), before);

    fs::remove_file(out.join("ca.key")).unwrap();
    let error = write(&options(&out, &["car-9"])).unwrap_err();
    assert!(matches!(error, CertificateError::NoKey(_)), "{error}");
}

#[test]
fn names_are_no_paths() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(65);
    for name in [
        "",
        "../car",
        "a/b",
        ".hidden",
        "ca",
        "server",
        "two words",
        &long,
    ] {
        let error = write(&options(folder.path(), &[name])).unwrap_err();
        assert!(
            matches!(error, CertificateError::Name(_)),
            "{name}: {error}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    for path in write(&options(folder.path(), &["car-7"])).unwrap() {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o077;
        let is_key = path.extension().is_some_and(|end| end == "key");
        assert!(!is_key || mode == 0, "{}: {mode:o}", path.display());
    }
}
