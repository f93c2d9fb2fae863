//! ROS 2 messages in both byte orders, against bytes written by hand.
#![allow(clippy::unwrap_used)]

use drafthorse_core::RadarPoint;
use drafthorse_wire::ros2::{
    CompressedImage, PointCloudLayout, Ros2Error, decode_cloud, decode_image, encode_cloud,
    encode_image,
};
use proptest::prelude::*;

/// A little-endian message written member by member.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn new() -> Self {
        Self(vec![0, 1, 0, 0])
    }
    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    fn u32(mut self, value: u32) -> Self {
        while !self.0.len().is_multiple_of(4) {
            self.0.push(0xEE);
        }
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    fn string(self, text: &str) -> Self {
        let mut this = self.u32(text.len() as u32 + 1);
        this.0.extend_from_slice(text.as_bytes());
        this.u8(0)
    }
    fn data(self, bytes: &[u8]) -> Self {
        let mut this = self.u32(bytes.len() as u32);
        this.0.extend_from_slice(bytes);
        this
    }
    fn header(self) -> Self {
        self.u32(1_700_000_000).u32(5).string("radar")
    }
    fn field(self, name: &str, offset: u32, datatype: u8) -> Self {
        self.string(name).u32(offset).u8(datatype).u32(1)
    }
}

/// Two rows of two points with odd types, order, padding and a longer row step.
fn cloud() -> Message {
    let mut data = Vec::new();
    for row in 0..2_u8 {
        for column in 0..2_u8 {
            let index = row * 2 + column;
            data.extend_from_slice(&(f64::from(index) - 1.5).to_le_bytes());
            data.extend_from_slice(&(10.0 + f32::from(index)).to_le_bytes());
            data.extend_from_slice(&(-7_i16 * i16::from(index)).to_le_bytes());
            data.push((index as i8 - 2) as u8);
            data.push(30 + index);
            data.extend_from_slice(&(1_000_u32 + u32::from(index)).to_le_bytes());
            data.push(0xAA);
        }
        data.extend_from_slice(&[0xBB; 3]);
    }
    Message::new()
        .header()
        .u32(2)
        .u32(2)
        .u32(7)
        .field("intensity", 15, 2)
        .field("y", 0, 8)
        .field("x", 8, 7)
        .field("v_r", 12, 3)
        .field("z", 14, 1)
        .field("time", 16, 6)
        .field("snr", 16, 6)
        .u8(0)
        .u32(21)
        .u32(45)
        .data(&data)
        .u8(1)
}

#[test]
fn fields_are_found_by_name_type_and_offset() {
    let message = cloud();
    let mut points = Vec::new();
    let decoded = decode_cloud(&message.0, &mut points).unwrap();
    assert_eq!(
        (decoded.stamp_ns, decoded.frame_id),
        (1_700_000_000_000_000_005, "radar")
    );
    assert!(decoded.has_range_rate && decoded.rejected == 0);
    assert_eq!(points.len(), 4);
    for (index, point) in (0_u8..).zip(&points) {
        let n = f32::from(index);
        assert_eq!(
            [point.x_m, point.y_m, point.z_m],
            [10.0 + n, n - 1.5, n - 2.0]
        );
        assert_eq!([point.range_rate_mps, point.rcs_dbsm], [-7.0 * n, 30.0 + n]);
        assert_eq!(point.snr_db, 1_000.0 + n);
        assert!((point.azimuth_rad - point.y_m.atan2(point.x_m)).abs() < 1e-6);
    }
}

#[test]
fn every_cut_is_refused() {
    let message = cloud().0;
    let mut points = Vec::new();
    for cut in 0..message.len() {
        assert!(matches!(
            decode_cloud(&message[..cut], &mut points),
            Err(Ros2Error::Truncated(_))
        ));
        assert!(points.is_empty());
    }
}

#[test]
fn unsound_clouds_are_named() {
    let mut points = Vec::new();
    let mut refused = |message: Message| decode_cloud(&message.0, &mut points).unwrap_err();
    let tail = |message: Message, step: u32, row: u32, bytes: usize| {
        message.u8(0).u32(step).u32(row).data(&vec![0; bytes]).u8(1)
    };
    let xyz = |count: u32| {
        Message::new()
            .header()
            .u32(1)
            .u32(count)
            .u32(3)
            .field("x", 0, 7)
            .field("y", 4, 7)
    };
    assert_eq!(
        refused(tail(xyz(1).field("w", 8, 7), 12, 12, 12)),
        Ros2Error::NoField("z")
    );
    assert_eq!(
        refused(tail(xyz(1).field("z", 9, 7), 12, 12, 12)),
        Ros2Error::BadField("z".into())
    );
    assert_eq!(
        refused(tail(xyz(1).field("z", 8, 9), 12, 12, 12)),
        Ros2Error::BadField("z".into())
    );
    assert_eq!(
        refused(tail(xyz(2).field("z", 8, 7), 12, 12, 24)),
        Ros2Error::BadShape
    );
    assert_eq!(
        refused(tail(xyz(2).field("z", 8, 7), 12, 24, 23)),
        Ros2Error::BadShape
    );
    let huge = u32::MAX;
    assert_eq!(
        refused(tail(xyz(huge).field("z", 8, 7), huge, huge, 12)),
        Ros2Error::BadShape
    );
    let mut other = Message::new();
    other.0[1] = 3;
    assert_eq!(refused(other), Ros2Error::Encapsulation([0, 3, 0, 0]));
    assert_eq!(
        refused(Message::new().u32(0).u32(1_000_000_000)),
        Ros2Error::BadStamp
    );
}

fn point() -> impl Strategy<Value = RadarPoint> {
    (
        -200.0_f32..200.0,
        -200.0_f32..200.0,
        -5.0_f32..5.0,
        -60.0_f32..60.0,
        -20.0_f32..40.0,
    )
        .prop_map(|(x, y, z, rate, rcs)| {
            let mut point = RadarPoint::from_cartesian(x, y, z, rate);
            point.rcs_dbsm = rcs;
            point.snr_db = 3.0;
            point
        })
}

fn comparable(point: &RadarPoint) -> [f32; 8] {
    let p = point;
    [
        p.x_m,
        p.y_m,
        p.z_m,
        p.range_m,
        p.azimuth_rad,
        p.range_rate_mps,
        p.rcs_dbsm,
        p.snr_db,
    ]
}

proptest! {
    #[test]
    fn clouds_come_back_in_every_layout(
        points in prop::collection::vec(point(), 0..40), spoiled in any::<prop::sample::Index>(),
        little_endian: bool, big_endian_data: bool, padding in 0..5_usize, frame in "[a-z_/]{0,9}",
    ) {
        let layout = PointCloudLayout { little_endian, big_endian_data, padding };
        let (mut bytes, mut out) = (Vec::new(), Vec::new());
        encode_cloud(77, &frame, &points, layout, &mut bytes);
        let decoded = decode_cloud(&bytes, &mut out).unwrap();
        prop_assert_eq!((decoded.stamp_ns, decoded.frame_id), (77, frame.as_str()));
        let expected: Vec<_> = points.iter().map(comparable).collect();
        prop_assert_eq!(out.iter().map(comparable).collect::<Vec<_>>(), expected);
        if !points.is_empty() {
            let mut points = points;
            let spoiled = spoiled.index(points.len());
            points[spoiled].y_m = f32::NAN;
            encode_cloud(77, &frame, &points, layout, &mut bytes);
            prop_assert_eq!(decode_cloud(&bytes, &mut out).unwrap().rejected, 1);
            prop_assert_eq!(out.len(), points.len() - 1);
        }
    }

    #[test]
    fn images_come_back(
        data in prop::collection::vec(any::<u8>(), 0..300), little_endian: bool,
        frame_id in "[a-z]{0,6}", format in "[a-z0-9; ]{0,12}",
    ) {
        let image = CompressedImage { stamp_ns: 5_000_000_001, frame_id: &frame_id, format: &format, data: &data };
        let mut bytes = Vec::new();
        encode_image(&image, little_endian, &mut bytes);
        prop_assert_eq!(decode_image(&bytes).unwrap(), image);
        for cut in 0..bytes.len() {
            prop_assert!(decode_image(&bytes[..cut]).is_err());
        }
    }
}
