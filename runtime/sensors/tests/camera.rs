//! Camera decoding against known pixels, and against bytes that are no pictures.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_core::{Image, RawFormat, RawMessage, SensorId};
use drafthorse_sensors::{CameraDecoder, CameraError};
use drafthorse_wire::ros2::{CompressedImage, encode_image};
use jpeg_encoder::{ColorType, Encoder};
use openh264::{
    encoder,
    formats::{RgbSliceU8, YUVBuffer},
};
use proptest::prelude::*;

const CAMERA: SensorId = SensorId(3);

fn message(format: RawFormat, sequence: u32, data: Vec<u8>) -> RawMessage {
    RawMessage {
        sensor: CAMERA,
        format,
        sequence,
        captured_ns: 1_000 + u64::from(sequence),
        received_ns: 2_000 + u64::from(sequence),
        data,
    }
}

/// A picture of smooth colours, which lossy codecs keep closely; `shift` makes others.
fn picture(width: usize, height: usize, shift: usize) -> Vec<u8> {
    let pixel = |i: usize| {
        let (x, y) = (i % width, i / width);
        let red = 40 + (x * 160 / width) as u8;
        let green = 60 + (y * 120 / height) as u8;
        [red, green, 40 + (shift * 23 % 150) as u8]
    };
    (0..width * height).flat_map(pixel).collect()
}

fn jpeg(rgb: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = Encoder::new(&mut bytes, 95);
    encoder.encode(rgb, width, height, ColorType::Rgb).unwrap();
    bytes
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

fn decode(format: RawFormat, data: Vec<u8>) -> Result<Image, CameraError> {
    let mut image = Image::default();
    let mut decoder = CameraDecoder::new(CAMERA, format).unwrap();
    decoder
        .decode(&message(format, 9, data), &mut image)
        .map(|produced| {
            assert!(produced);
            image
        })
}

#[test]
fn jpeg_gives_the_pixels_and_stamps_that_went_in() {
    let rgb = picture(64, 48, 0);
    let image = decode(RawFormat::Jpeg, jpeg(&rgb, 64, 48)).unwrap();
    assert_eq!((image.width, image.height), (64, 48));
    assert_eq!((image.sensor, image.sequence), (CAMERA, 9));
    assert_eq!((image.captured_ns, image.received_ns), (1_009, 2_009));
    assert!(mean_difference(&image.rgb, &rgb) < 2.0);
}

#[test]
fn grey_jpeg_becomes_grey_rgb() {
    let grey: Vec<u8> = (0..64 * 32).map(|i| (i % 64 * 4) as u8).collect();
    let mut bytes = Vec::new();
    let encoder = Encoder::new(&mut bytes, 95);
    encoder.encode(&grey, 64, 32, ColorType::Luma).unwrap();
    let image = decode(RawFormat::Jpeg, bytes).unwrap();
    let rgb: Vec<u8> = grey.iter().flat_map(|g| [*g; 3]).collect();
    assert!(mean_difference(&image.rgb, &rgb) < 2.0);
}

#[test]
fn a_jpeg_inside_a_ros2_message_decodes_in_either_byte_order() {
    let rgb = picture(32, 32, 5);
    let jpeg = jpeg(&rgb, 32, 32);
    for little_endian in [true, false] {
        let image = CompressedImage {
            stamp_ns: 5,
            frame_id: "camera",
            format: "bgr8; jpeg compressed bgr8",
            data: &jpeg,
        };
        let mut bytes = Vec::new();
        encode_image(&image, little_endian, &mut bytes);
        let decoded = decode(RawFormat::Ros2CompressedImage, bytes.clone()).unwrap();
        assert!(mean_difference(&decoded.rgb, &rgb) < 2.0);
        bytes.truncate(bytes.len() - 1);
        let error = decode(RawFormat::Ros2CompressedImage, bytes).unwrap_err();
        assert!(matches!(error, CameraError::Ros2(_)), "{error}");
    }
    let mut bytes = Vec::new();
    let png = CompressedImage {
        stamp_ns: 5,
        frame_id: "",
        format: "png",
        data: b"\x89PNG",
    };
    encode_image(&png, true, &mut bytes);
    let error = decode(RawFormat::Ros2CompressedImage, bytes).unwrap_err();
    assert!(error.to_string().contains("png"), "{error}");
}

fn with_size(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = width.to_le_bytes().to_vec();
    bytes.extend_from_slice(&height.to_le_bytes());
    bytes.extend_from_slice(pixels);
    bytes
}

/// Limited-range BT.601 of ITU colour bars: Y, U, V and the RGB that they stand for.
const BARS: [([u8; 3], [u8; 3]); 6] = [
    ([16, 128, 128], [0, 0, 0]),
    ([235, 128, 128], [255, 255, 255]),
    ([126, 128, 128], [128, 128, 128]),
    ([81, 90, 240], [255, 0, 0]),
    ([145, 54, 34], [0, 255, 0]),
    ([41, 240, 110], [0, 0, 255]),
];

#[test]
fn yuyv_and_nv12_give_the_colours_of_the_standard() {
    for ([y, u, v], rgb) in BARS {
        let yuyv = with_size(4, 2, &[y, u, y, v].repeat(4));
        let luma = vec![y; 8];
        let nv12 = with_size(4, 2, &[luma, [u, v].repeat(2)].concat());
        for (format, bytes) in [(RawFormat::Yuyv, yuyv), (RawFormat::Nv12, nv12)] {
            let image = decode(format, bytes).unwrap();
            assert_eq!((image.width, image.height), (4, 2));
            for pixel in image.rgb.chunks(3) {
                for (got, want) in pixel.iter().zip(rgb) {
                    assert!(got.abs_diff(want) <= 2, "{format:?} {pixel:?} for {rgb:?}");
                }
            }
        }
    }
}

#[test]
fn nv12_and_yuyv_put_each_sample_where_it_belongs() {
    // Luma rises with the place, chroma is neutral: grey levels tell where each sample went.
    let luma: Vec<u8> = (0..16).map(|i| 16 + i * 10).collect();
    let expected: Vec<u8> = luma
        .iter()
        .map(|y| ((f64::from(*y) - 16.0) * 255.0 / 219.0).round() as u8)
        .collect();
    let nv12 = with_size(4, 4, &[luma.clone(), vec![128; 8]].concat());
    let packed: Vec<u8> = luma.iter().flat_map(|y| [*y, 128]).collect();
    let yuyv = with_size(4, 4, &packed);
    for (format, bytes) in [(RawFormat::Nv12, nv12), (RawFormat::Yuyv, yuyv)] {
        let image = decode(format, bytes).unwrap();
        let grey: Vec<u8> = image.rgb.chunks(3).map(|p| p[1]).collect();
        assert_eq!(grey, expected, "{format:?}");
    }
}

#[test]
fn raw_pictures_of_wrong_size_are_refused() {
    let size = |e: CameraError| matches!(e, CameraError::Size { .. });
    let length = |e: CameraError| matches!(e, CameraError::Length { .. });
    assert!(size(
        decode(RawFormat::Yuyv, with_size(3, 2, &[0; 12])).unwrap_err()
    ));
    assert!(size(
        decode(RawFormat::Nv12, with_size(4, 3, &[0; 18])).unwrap_err()
    ));
    assert!(size(
        decode(RawFormat::Yuyv, with_size(0, 2, &[])).unwrap_err()
    ));
    assert!(size(
        decode(RawFormat::Nv12, with_size(u32::MAX - 1, 4, &[])).unwrap_err()
    ));
    assert!(size(
        decode(RawFormat::Nv12, with_size(8_000, 8_000, &[])).unwrap_err()
    ));
    assert!(length(
        decode(RawFormat::Yuyv, with_size(4, 2, &[0; 15])).unwrap_err()
    ));
    assert!(length(
        decode(RawFormat::Nv12, with_size(4, 2, &[0; 13])).unwrap_err()
    ));
    assert!(length(decode(RawFormat::Nv12, vec![1, 2, 3]).unwrap_err()));
}

#[test]
fn a_decoder_refuses_other_formats_than_its_own() {
    assert!(CameraDecoder::new(CAMERA, RawFormat::Ars548).is_err());
    let mut decoder = CameraDecoder::new(CAMERA, RawFormat::Jpeg).unwrap();
    let error = decoder.decode(&message(RawFormat::Nv12, 0, vec![]), &mut Image::default());
    assert!(matches!(error, Err(CameraError::WrongFormat { .. })));
}

#[test]
fn a_damaged_jpeg_is_an_error_and_the_next_one_decodes() {
    let rgb = picture(64, 48, 1);
    let good = jpeg(&rgb, 64, 48);
    let mut decoder = CameraDecoder::new(CAMERA, RawFormat::Jpeg).unwrap();
    let mut image = Image::default();
    for bad in [&good[..good.len() / 2], &good[..20], b"not a picture", b""] {
        let raw = message(RawFormat::Jpeg, 0, bad.to_vec());
        let error = decoder.decode(&raw, &mut image);
        assert!(matches!(error, Err(CameraError::Jpeg(_))), "{error:?}");
        let raw = message(RawFormat::Jpeg, 1, good.clone());
        assert!(decoder.decode(&raw, &mut image).unwrap());
        assert!(mean_difference(&image.rgb, &rgb) < 2.0);
    }
}

/// Access units of pictures 0.., a key frame at each of `keys`.
fn h264(count: usize, keys: &[usize]) -> Vec<Vec<u8>> {
    h264_of(encoder::Profile::Baseline, count, keys)
}

fn h264_of(profile: encoder::Profile, count: usize, keys: &[usize]) -> Vec<Vec<u8>> {
    let config = encoder::EncoderConfig::new().profile(profile);
    let api = openh264::OpenH264API::from_source();
    let mut encoder = encoder::Encoder::with_api_config(api, config).unwrap();
    (0..count)
        .map(|i| {
            if keys.contains(&i) {
                encoder.force_intra_frame();
            }
            let rgb = picture(64, 48, i);
            let yuv = YUVBuffer::from_rgb8_source(RgbSliceU8::new(&rgb, (64, 48)));
            encoder.encode(&yuv).unwrap().to_vec()
        })
        .collect()
}

#[test]
fn h264_pictures_carry_the_stamps_of_their_own_access_unit_in_every_profile() {
    for (profile, code) in [
        (encoder::Profile::Baseline, 66),
        (encoder::Profile::Main, 77),
        (encoder::Profile::High, 100),
    ] {
        let mut decoder = CameraDecoder::new(CAMERA, RawFormat::H264).unwrap();
        let mut image = Image::default();
        for (i, unit) in h264_of(profile, 40, &[0, 20]).into_iter().enumerate() {
            if i == 0 {
                // Start code, header, profile of the sequence parameter set.
                assert_eq!(unit[5], code, "the encoder made another profile");
            }
            let raw = message(RawFormat::H264, i as u32, unit);
            assert!(
                decoder.decode(&raw, &mut image).unwrap(),
                "{code}: unit {i}"
            );
            assert_eq!(image.captured_ns, 1_000 + i as u64);
            assert_eq!(image.sequence, i as u32);
            // The picture of this unit, and not of its neighbours, whose blue differs by 23.
            let difference = mean_difference(&image.rgb, &picture(64, 48, i));
            assert!(difference < 4.0, "{code}: unit {i}: {difference}");
        }
    }
}

#[test]
fn h264_goes_on_at_the_next_key_frame_after_damage() {
    let units = h264(10, &[0, 6]);
    let mut decoder = CameraDecoder::new(CAMERA, RawFormat::H264).unwrap();
    let mut image = Image::default();
    let mut outcomes = Vec::new();
    for (i, unit) in units.into_iter().enumerate() {
        let unit = if i == 3 {
            // A slice of rubbish behind a valid start.
            [&[0, 0, 0, 1, 0x41][..], &[0xa5; 40]].concat()
        } else {
            unit
        };
        let raw = message(RawFormat::H264, i as u32, unit);
        outcomes.push(match decoder.decode(&raw, &mut image) {
            Ok(true) => 'p',
            Ok(false) => '-',
            Err(CameraError::H264(_)) => 'e',
            Err(other) => panic!("{other}"),
        });
        if i >= 6 {
            assert!(
                mean_difference(&image.rgb, &picture(64, 48, i)) < 4.0,
                "{i}"
            );
        }
    }
    let outcomes: String = outcomes.into_iter().collect();
    assert_eq!(outcomes, "pppe--pppp");
}

#[test]
fn h264_that_begins_between_key_frames_waits_for_one() {
    let units = h264(6, &[0, 4]);
    let mut decoder = CameraDecoder::new(CAMERA, RawFormat::H264).unwrap();
    let mut image = Image::default();
    let mut produced = |i: usize| {
        let raw = message(RawFormat::H264, i as u32, units[i].clone());
        decoder.decode(&raw, &mut image).unwrap()
    };
    assert!(![1, 2, 3].into_iter().any(&mut produced));
    assert!([4, 5].into_iter().all(&mut produced));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_decoder_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        cut in 0_usize..2_000,
        flips in proptest::collection::vec((0_usize..2_000, any::<u8>()), 0..4),
    ) {
        let mut damaged = jpeg(&picture(32, 32, 2), 32, 32);
        damaged.truncate(cut);
        for (at, value) in flips {
            if let Some(byte) = damaged.get_mut(at) {
                *byte = value;
            }
        }
        for format in [
            RawFormat::Jpeg, RawFormat::Yuyv, RawFormat::Nv12, RawFormat::H264,
            RawFormat::Ros2CompressedImage,
        ] {
            let mut decoder = CameraDecoder::new(CAMERA, format).unwrap();
            let mut image = Image::default();
            for data in [&bytes, &damaged] {
                let _ = decoder.decode(&message(format, 0, data.clone()), &mut image);
            }
        }
    }
}
