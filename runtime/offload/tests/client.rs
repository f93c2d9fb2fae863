//! The client against a real server: mutual TLS, what is seen of it on the wire, and what each error is called.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use std::time::{Duration, Instant};

use common::certificates::{Authority, Named, mutual};
use common::target::{Mood, Target};
use common::{MARK, clear, request, shape, verdict};
use drafthorse_offload::client::{CallError, Client, ClientSettings, ConnectError};
use drafthorse_relay::{Conditions, Relay, Way};
use tonic::Code;

const LIMIT: Duration = Duration::from_secs(5);

fn run<T>(call: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(call)
}

fn verify(settings: ClientSettings, limit: Duration) -> Result<(), CallError> {
    run(async {
        let client = Client::new(settings).unwrap();
        let asked = request(1);
        let (answer, _) = client.verify(&asked, &shape(), limit).await?;
        assert_eq!(answer, verdict(&asked));
        Ok(())
    })
}

fn probe(settings: ClientSettings) -> Result<(), CallError> {
    run(async { Client::new(settings).unwrap().probe(LIMIT).await })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

#[test]
fn nothing_is_sent_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let server = ca.certificate("target", false);
    let target = Target::start(Some((&server, &ca)));
    let relay = Relay::start(target.address, Conditions::default()).unwrap();
    relay.record();
    let vehicle = ca.certificate("car", false);
    let settings = mutual(relay.address(), folder.path(), &ca, &vehicle);
    verify(settings.clone(), LIMIT).unwrap();
    probe(settings).unwrap();
    let sent = relay.recorded(Way::Up);
    let id = request(1).scene.block;
    assert!(sent.len() > 500);
    assert!(!contains(&sent, MARK) && !contains(&sent, id.as_str().as_bytes()));

    // The same block in clear is found, so that the search can find one.
    let target = Target::start(None);
    let relay = Relay::start(target.address, Conditions::default()).unwrap();
    relay.record();
    verify(clear(relay.address()), LIMIT).unwrap();
    let sent = relay.recorded(Way::Up);
    assert!(contains(&sent, MARK) && contains(&sent, id.as_str().as_bytes()));
}

#[test]
fn every_byte_is_counted() {
    let target = Target::start(None);
    let relay = Relay::start(target.address, Conditions::default()).unwrap();
    run(async {
        let client = Client::new(clear(relay.address())).unwrap();
        client.verify(&request(1), &shape(), LIMIT).await.unwrap();
        // The last bytes may be on their way still.
        while client.meter().sent() != relay.bytes(Way::Up) {
            assert!(relay.bytes(Way::Up) < client.meter().sent());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(client.meter().received() > 100);
    });
}

/// Bytes up to the target for the first block, and for each of five more on the same connection.
fn sent_to(target: &Target) -> (u64, u64) {
    run(async {
        let client = Client::new(clear(target.address)).unwrap();
        let mut sent = Vec::new();
        for number in 0..6 {
            let asked = request(number);
            let (answer, _) = client.verify(&asked, &shape(), LIMIT).await.unwrap();
            assert_eq!(answer, verdict(&asked));
            assert_eq!(target.asked(asked.scene.block.as_str()), 1);
            sent.push(client.meter().sent());
        }
        (sent[0], (sent[5] - sent[0]) / 5)
    })
}

#[test]
fn messages_are_compressed_where_the_server_takes_it() {
    let (_, compressed) = sent_to(&Target::start_compressing());
    let (first, plain) = sent_to(&Target::start(None));
    // Of a server that does not, this is learnt with the first block, which goes twice.
    assert!(first > compressed + plain, "{first}, {compressed}, {plain}");
    assert!(2 * compressed < plain, "{compressed}, {plain}");
}

#[test]
fn probes_of_a_link_that_lies_idle_are_small() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let target = Target::start(Some((&ca.certificate("target", false), &ca)));
    let car = ca.certificate("car", false);
    run(async {
        let settings = mutual(target.address, folder.path(), &ca, &car);
        let client = Client::new(settings).unwrap();
        let both = || client.meter().sent() + client.meter().received();
        let mut all = vec![0];
        for _ in 0..11 {
            client.probe(LIMIT).await.unwrap();
            all.push(both());
        }
        let (first, later) = (all[1], (all[11] - all[1]) / 10);
        assert!(first < 5000 && later < 300, "{first}, then {later} bytes");
    });
}

#[test]
fn certificates_are_checked_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, other) = (Authority::new(), Authority::new());
    let good = ca.certificate("target", false);
    let car = ca.certificate("car", false);
    let refused = |server: &Named, accepts: &Authority, trusts: &Authority, vehicle: &Named| {
        let target = Target::start(Some((server, accepts)));
        let settings = mutual(target.address, folder.path(), trusts, vehicle);
        // A server that does not take our certificate closes the connection too, and either may be seen first.
        for _ in 0..100 {
            let probed = probe(settings.clone()).unwrap_err();
            let verified = verify(settings.clone(), LIMIT).unwrap_err();
            for error in [probed, verified] {
                match error {
                    CallError::Certificate(_) => return,
                    CallError::Unavailable(_) => {}
                    other => panic!("{other}"),
                }
            }
        }
        panic!("nothing of certificates is told");
    };
    refused(&good, &ca, &other, &car);
    refused(&ca.certificate("target", true), &ca, &ca, &car);
    refused(&ca.certificate("elsewhere", false), &ca, &ca, &car);
    refused(&good, &ca, &ca, &ca.certificate("car", true));
    refused(&good, &ca, &ca, &other.certificate("car", false));
    // A server that speaks no TLS learns nothing.
    let target = Target::start(None);
    let relay = Relay::start(target.address, Conditions::default()).unwrap();
    relay.record();
    let settings = mutual(relay.address(), folder.path(), &ca, &car);
    assert!(verify(settings, LIMIT).is_err());
    assert!(!contains(&relay.recorded(Way::Up), MARK));
}

#[test]
fn a_new_certificate_is_taken_at_the_next_connection() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let server = ca.certificate("target", false);
    let target = Target::start(Some((&server, &ca)));
    let expired = ca.certificate("car", true);
    let settings = mutual(target.address, folder.path(), &ca, &expired);
    run(async {
        let mut client = Client::new(settings).unwrap();
        // What of it is seen first, the alert or the lost connection, is chance.
        assert!(client.probe(LIMIT).await.is_err());
        mutual(
            target.address,
            folder.path(),
            &ca,
            &ca.certificate("car", false),
        );
        client.reconnect().unwrap();
        client.probe(LIMIT).await.unwrap();
    });
}

#[test]
fn what_the_server_says_is_called_by_its_name() {
    let target = Target::start(None);
    let said = |mood| {
        target.set(mood);
        verify(clear(target.address), LIMIT).unwrap_err()
    };
    type E = CallError;
    let ms = Duration::from_millis;
    assert!(matches!(said(Mood::Busy(1500)), E::Busy { after: Some(t), .. } if t == ms(1500)));
    assert!(matches!(
        said(Mood::Says(Code::ResourceExhausted)),
        E::Busy { after: None, .. }
    ));
    // So says Triton where its queue is full.
    assert!(matches!(
        said(Mood::Says(Code::Unavailable)),
        E::Busy { after: None, .. }
    ));
    assert!(matches!(said(Mood::Says(Code::Aborted)), E::Unavailable(_)));
    assert!(matches!(said(Mood::Says(Code::DeadlineExceeded)), E::Late));
    assert!(matches!(
        said(Mood::Says(Code::InvalidArgument)),
        E::Refused(_)
    ));
    assert!(matches!(
        said(Mood::Says(Code::PermissionDenied)),
        E::Denied(_)
    ));
    assert!(matches!(said(Mood::Says(Code::Internal)), E::Failed(_)));
    assert!(matches!(said(Mood::Empty), E::UnknownModel(_)));
    assert!(matches!(said(Mood::Nonsense), E::Answer(_)));
    assert!(matches!(probe(clear(target.address)), Ok(())));
    target.set(Mood::Empty);
    assert!(matches!(
        probe(clear(target.address)),
        Err(E::UnknownModel(_))
    ));
    target.set(Mood::Away);
    assert!(matches!(probe(clear(target.address)), Err(E::NotReady(_))));
    let gone = clear(target.address);
    drop(target);
    assert!(matches!(verify(gone, LIMIT), Err(E::Unavailable(_))));
}

#[test]
fn a_call_ends_at_its_time_limit() {
    let target = Target::start(None);
    target.set(Mood::Slow(Duration::from_secs(60)));
    let began = Instant::now();
    let error = verify(clear(target.address), Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, CallError::Late), "{error}");
    let silent = Conditions {
        silent: true,
        ..Conditions::default()
    };
    let relay = Relay::start(target.address, silent).unwrap();
    let error = verify(clear(relay.address()), Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, CallError::Late), "{error}");
    // Far below the server's time, on however slow a machine.
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn clear_text_must_be_asked_for() {
    let named = |address: &str, insecure| {
        let settings = ClientSettings {
            address: address.to_owned(),
            insecure,
            ..ClientSettings::default()
        };
        run(async { Client::new(settings).map(drop).unwrap_err() })
    };
    assert!(matches!(
        named("http://target:1", false),
        ConnectError::Clear(_)
    ));
    assert!(matches!(
        named("https://target:1", true),
        ConnectError::Insecure(_)
    ));
    assert!(matches!(
        named("https://target:1", false),
        ConnectError::Missing("ca")
    ));
    assert!(matches!(named("target:1", false), ConnectError::Address(_)));
    assert!(matches!(
        named("https://target", false),
        ConnectError::Address(_)
    ));
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let car = ca.certificate("car", false);
    let address = "127.0.0.1:1".parse().unwrap();
    let mut settings = mutual(address, folder.path(), &ca, &car);
    std::fs::write(folder.path().join("vehicle.pem"), "no certificate").unwrap();
    let wrong = |settings: &ClientSettings| {
        run(async { Client::new(settings.clone()).map(drop).unwrap_err() })
    };
    assert!(matches!(wrong(&settings), ConnectError::Tls(_)));
    settings.key = Some(folder.path().join("missing.key"));
    assert!(matches!(wrong(&settings), ConnectError::File { .. }));
}
