//! The vehicle clock's state: parsers on real and on spoilt answers, and this machine's own clock.

use drafthorse_sensors::clock::{
    ChronyTracking, Discipline, KernelClock, PtpStatus, kernel_clock, observe_clock,
    parse_time_status, parse_tracking, state_of, vehicle_clock_ns,
};
use proptest::prelude::*;
use std::time::{SystemTime, UNIX_EPOCH};

const TRACKING: &str = "A9FEA97B,169.254.169.123,4,1700000000.123456789,-0.000012345,0.000001234,0.000023456,-12.345,0.001,0.012,0.000345678,0.000123456,16.2,Normal\n";
const TRACKING_PHC: &str = "50484330,PHC0,1,1700000000.5,0.000000040,0.000000010,0.000000020,1.0,0.0,0.01,0.000001,0.00001,1.0,Normal\n";
const TRACKING_LOST: &str = "7F7F0101,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n";
const TIME_STATUS: &str = "sending: GET TIME_STATUS_NP
\t001122.fffe.334455-0 seq 0 RESPONSE MANAGEMENT TIME_STATUS_NP
\t\tmaster_offset              -37
\t\tingress_time               1700000000123456789
\t\tcumulativeScaledRateOffset +0.000000000
\t\tscaledLastGmPhaseChange    0
\t\tgmTimeBaseIndicator        0
\t\tlastGmPhaseChange          0x0000'0000000000000000.0000
\t\tgmPresent                  true
\t\tgmIdentity                 aabbcc.fffe.ddeeff
";

#[test]
fn chrony_says_its_reference_and_offset() {
    let tracking = parse_tracking(TRACKING).unwrap();
    assert!(tracking.synchronised && !tracking.is_ptp);
    assert_eq!(tracking.reference, "169.254.169.123");
    assert_eq!(tracking.offset_ns.abs(), 12_345);
    assert!(parse_tracking(TRACKING_PHC).unwrap().is_ptp);
    assert!(!parse_tracking(TRACKING_LOST).unwrap().synchronised);
}

#[test]
fn ptp4l_says_its_grandmaster_and_offset() {
    let status = parse_time_status(TIME_STATUS).unwrap();
    assert!(status.grandmaster_present);
    assert_eq!(status.master_offset_ns, -37);
    assert_eq!(status.grandmaster, "aabbcc.fffe.ddeeff");
    let alone = TIME_STATUS.replace("true", "false");
    assert!(!parse_time_status(&alone).unwrap().grandmaster_present);
}

#[test]
fn spoilt_answers_give_nothing() {
    for text in [
        "",
        "\n\n",
        "506 Cannot talk to daemon\n",
        "a,b,c",
        "zz,169.254.169.123,4,1,2,3,4,5,6,7,8,9,10,Normal",
        "A9FEA97B,x,4,1,NaN,3,4,5,6,7,8,9,10,Normal",
        "A9FEA97B,x,4,1,1e300,3,4,5,6,7,8,9,10,Normal",
        "A9FEA97B,x,stratum,1,0,3,4,5,6,7,8,9,10,Normal",
    ] {
        assert_eq!(parse_tracking(text), None, "{text:?}");
    }
    for text in [
        "",
        "sending: GET TIME_STATUS_NP\n",
        "master_offset\n gmPresent true",
        "master_offset 1.5\n gmPresent true",
        "master_offset 99999999999999999999\n gmPresent true",
        "gmPresent true",
    ] {
        assert_eq!(parse_time_status(text), None, "{text:?}");
    }
}

#[test]
fn ptp_goes_before_ntp_and_neither_is_said() {
    let kernel = KernelClock {
        synchronised: true,
        offset_ns: 5,
        max_error_ns: 900,
    };
    let ptp = parse_time_status(TIME_STATUS);
    let chrony = parse_tracking(TRACKING);
    let both = state_of(Some(kernel), ptp.clone(), chrony.clone());
    assert_eq!(both.discipline, Discipline::Ptp);
    assert_eq!(both.source, "ptp4l aabbcc.fffe.ddeeff");
    assert_eq!(both.source_offset_ns, -37);
    assert_eq!((both.kernel_offset_ns, both.kernel_max_error_ns), (5, 900));

    let alone = PtpStatus {
        grandmaster_present: false,
        ..ptp.unwrap()
    };
    let ntp = state_of(Some(kernel), Some(alone), chrony.clone());
    assert_eq!(ntp.discipline, Discipline::Ntp);
    assert_eq!(ntp.source, "chrony 169.254.169.123");
    let phc = state_of(None, None, parse_tracking(TRACKING_PHC));
    assert_eq!(phc.discipline, Discipline::Ptp);

    let unknown = state_of(Some(kernel), None, None);
    assert_eq!(
        (unknown.discipline, unknown.source.as_str()),
        (Discipline::Ntp, "kernel")
    );
    let lost = ChronyTracking {
        synchronised: false,
        ..chrony.unwrap()
    };
    let none = state_of(None, None, Some(lost));
    assert_eq!(
        (none.discipline, none.source.as_str()),
        (Discipline::None, "")
    );
    assert!(!none.kernel_synchronised);
}

#[test]
fn this_machines_clock_is_system_time() {
    let before = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let now = u128::from(vehicle_clock_ns());
    let after = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    assert!(before <= now && now <= after);
    let observed = observe_clock();
    match kernel_clock() {
        Some(kernel) => assert_eq!(observed.kernel_synchronised, kernel.synchronised),
        None => println!("skipped: this kernel does not let us ask for its clock's state"),
    }
    assert_eq!(
        observed.discipline == Discipline::None,
        observed.source.is_empty()
    );
}

proptest! {
    #[test]
    fn no_answer_makes_a_parser_panic(text in "\\PC{0,200}", field in 0_usize..14, word in "\\PC{0,12}") {
        let _ = parse_tracking(&text);
        let _ = parse_time_status(&text);
        let mut fields: Vec<&str> = TRACKING.trim().split(',').collect();
        fields[field] = &word;
        let _ = parse_tracking(&fields.join(","));
        let _ = parse_time_status(&TIME_STATUS.replace("-37", &word));
    }
}
