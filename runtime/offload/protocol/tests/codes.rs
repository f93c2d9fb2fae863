//! Token codes: what comes back of what went in.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_protocol::{
    ContractError, FsqCode, Kept, confidence_of, decode_f16, decode_int8, encode_f16, encode_int8,
};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn half_floats_are_within_their_precision(features in vec(-60_000.0_f32..60_000.0, 0..200)) {
        let back = decode_f16(&encode_f16(&features).unwrap()).unwrap();
        prop_assert_eq!(back.len(), features.len());
        for (a, b) in features.iter().zip(&back) {
            prop_assert!((a - b).abs() <= a.abs() * 0.000_49 + 6e-8, "{} became {}", a, b);
        }
    }

    #[test]
    fn a_byte_is_within_half_a_step(rows in vec(vec(-1e6_f32..1e6, 6), 0..20)) {
        let bytes = encode_int8(&rows.concat(), 6).unwrap();
        prop_assert_eq!(bytes.len(), rows.len() * 10);
        let back = decode_int8(&bytes, 6).unwrap();
        for (row, back) in rows.iter().zip(back.chunks(6)) {
            let step = row.iter().fold(0_f32, |m, x| m.max(x.abs())) / 127.0;
            for (a, b) in row.iter().zip(back) {
                prop_assert!((a - b).abs() <= step * 0.5001, "{} became {} at a step of {}", a, b, step);
            }
        }
    }

    #[test]
    fn packed_indices_come_back(
        (code, indices) in (1..40_usize, 2..=256_usize).prop_flat_map(|(dimensions, levels)| {
            let code = FsqCode::new(dimensions, levels).unwrap();
            let index = 0..=u8::try_from(levels - 1).unwrap();
            (0..9_usize).prop_flat_map(move |n| (Just(code), vec(index.clone(), n * dimensions)))
        })
    ) {
        let bytes = code.pack(&indices).unwrap();
        prop_assert_eq!(bytes.len(), indices.len() / code.dimensions() * code.token_bytes());
        prop_assert_eq!(code.unpack(&bytes).unwrap(), indices);
    }

    #[test]
    fn any_bytes_are_indices_or_an_error(bytes in vec(any::<u8>(), 0..100), dimensions in 1..30_usize, levels in 2..=256_usize) {
        let code = FsqCode::new(dimensions, levels).unwrap();
        if let Ok(indices) = code.unpack(&bytes) {
            prop_assert_eq!(code.pack(&indices).unwrap(), bytes.clone());
        }
        if let Ok(features) = decode_f16(&bytes) {
            prop_assert!(features.iter().all(|x| x.is_finite()));
        }
        if let Ok(features) = decode_int8(&bytes, dimensions) {
            prop_assert!(features.iter().all(|x| x.is_finite()));
        }
    }

    #[test]
    fn kept_places_come_back(places in vec(0..128_usize, 0..200)) {
        let kept = Kept::at(128, &places).unwrap();
        let mut places = places;
        places.sort_unstable();
        places.dedup();
        prop_assert_eq!(kept.count(), places.len());
        prop_assert_eq!(kept.places().collect::<Vec<_>>(), places);
    }
}

#[test]
fn bits_lie_as_the_contract_says() {
    let four = FsqCode::new(3, 16).unwrap();
    assert_eq!(four.pack(&[0x1, 0x2, 0xf]).unwrap(), [0x21, 0x0f]);
    let three = FsqCode::new(3, 5).unwrap();
    assert_eq!(three.pack(&[1, 2, 4]).unwrap(), [0b0001_0001, 0b1]);
    assert_eq!(Kept::at(10, &[0, 9]).unwrap().bits(), [1, 2]);
    assert_eq!(Kept::all(10).bits(), [0xff, 3]);
    assert_eq!(encode_f16(&[1.0]).unwrap(), [0x00, 0x3c]);
    assert_eq!(
        encode_int8(&[-127.0, 1.0], 2).unwrap(),
        [0, 0, 0x80, 0x3f, 0x81, 1]
    );
}

#[test]
fn what_no_code_can_carry_is_refused() {
    let code = FsqCode::new(2, 5).unwrap();
    let is_range = |e| matches!(e, ContractError::Range { .. });
    assert!(is_range(code.pack(&[5, 0]).unwrap_err()));
    assert!(is_range(code.unpack(&[0b0000_0111]).unwrap_err()));
    assert!(is_range(code.unpack(&[0b0100_0000]).unwrap_err()));
    assert!(matches!(code.pack(&[1]), Err(ContractError::Length { .. })));
    let is_infinite = |e| matches!(e, ContractError::NotFinite { .. });
    assert!(is_infinite(encode_f16(&[f32::NAN]).unwrap_err()));
    assert!(is_infinite(encode_int8(&[f32::INFINITY], 1).unwrap_err()));
    assert!(is_infinite(decode_f16(&[0x00, 0x7c]).unwrap_err()));
    assert!(is_infinite(
        decode_int8(&[0, 0, 0x80, 0x7f, 1], 1).unwrap_err()
    ));
    assert!(FsqCode::new(0, 4).is_err());
    assert!(FsqCode::new(4, 1).is_err());
    assert!(FsqCode::new(4, 257).is_err());
}

#[test]
fn confidence_is_sixteenths_of_a_nat() {
    assert_eq!(confidence_of(0.0), 0);
    assert_eq!(confidence_of(-1.0), 16);
    assert_eq!(confidence_of(-100.0), 255);
    assert_eq!(confidence_of(f32::NEG_INFINITY), 255);
    assert_eq!(confidence_of(f32::NAN), 255);
}
