//! The records of ARS548 messages, field by field in wire order.

use crate::bytes::packed_record;

packed_record! {
    /// The 45 bytes that begin a detection or object list: SOME/IP header, E2E protection, stamp.
    pub struct MessageHeader {
        /// Service, 0.
        service_id: u16,
        /// Method, 336 or 329.
        method_id: u16,
        /// Bytes after this field.
        length: u32,
        /// SOME/IP client.
        client_id: u16,
        /// SOME/IP session.
        session_id: u16,
        /// SOME/IP protocol version.
        protocol_version: u8,
        /// SOME/IP interface version.
        interface_version: u8,
        /// SOME/IP message type.
        message_type: u8,
        /// SOME/IP return code.
        return_code: u8,
        /// E2E checksum.
        crc: u64,
        /// E2E length.
        e2e_length: u32,
        /// E2E sequence counter.
        counter: u32,
        /// E2E data identifier.
        data_id: u32,
        /// Nanoseconds of the sensor's stamp.
        nanoseconds: u32,
        /// Seconds of the sensor's stamp.
        seconds: u32,
        /// 1 synchronised, 2 never synchronised, 3 synchronisation lost.
        sync_status: u8,
    }
}

packed_record! {
    /// The 101 bytes before the detection slots.
    pub struct DetectionListHeader {
        /// Header common to the lists.
        message: MessageHeader,
        /// Unused by the sensor.
        event_data_qualifier: u32,
        /// Unused by the sensor.
        extended_qualifier: u8,
        /// Unused by the sensor.
        origin_invalid_flags: u16,
        /// Mounting position forward of the vehicle's origin, m.
        origin_x_m: f32,
        /// Its standard deviation, m.
        origin_x_std_m: f32,
        /// Mounting position left, m.
        origin_y_m: f32,
        /// Its standard deviation, m.
        origin_y_std_m: f32,
        /// Mounting position up, m.
        origin_z_m: f32,
        /// Its standard deviation, m.
        origin_z_std_m: f32,
        /// Mounting roll, rad.
        origin_roll_rad: f32,
        /// Its standard deviation, rad.
        origin_roll_std_rad: f32,
        /// Mounting pitch, rad.
        origin_pitch_rad: f32,
        /// Its standard deviation, rad.
        origin_pitch_std_rad: f32,
        /// Mounting yaw, rad.
        origin_yaw_rad: f32,
        /// Its standard deviation, rad.
        origin_yaw_std_rad: f32,
        /// Unused by the sensor.
        list_invalid_flags: u8,
    }
}

packed_record! {
    /// One detection, 44 bytes.
    pub struct Detection {
        /// Azimuth, rad.
        azimuth_rad: f32,
        /// Its standard deviation, rad.
        azimuth_std_rad: f32,
        /// Bits from 0: distance, its sigma, azimuth, sigma, elevation, sigma, range rate, sigma invalid.
        invalid_flags: u8,
        /// Elevation, rad.
        elevation_rad: f32,
        /// Its standard deviation, rad.
        elevation_std_rad: f32,
        /// Range, m.
        range_m: f32,
        /// Its standard deviation, m.
        range_std_m: f32,
        /// Range rate, m/s, negative approaches.
        range_rate_mps: f32,
        /// Its standard deviation, m/s.
        range_rate_std_mps: f32,
        /// Radar cross-section, dBsm.
        rcs_dbsm: i8,
        /// Identifier within the list.
        measurement_id: u16,
        /// Positive predictive value, percent.
        positive_predictive_value: u8,
        /// 0 none, 1 noise, 2 ground, 3 traversable under, 4 obstacle, 255 invalid.
        classification: u8,
        /// Probability of several targets, percent.
        multi_target_probability: u8,
        /// Object it belongs to, 0 if none.
        object_id: u16,
        /// Probability that the velocity ambiguity is resolved, percent.
        ambiguity: u8,
        /// Sorting index.
        sort_index: u16,
    }
}

packed_record! {
    /// The 35 bytes after the detection slots.
    pub struct DetectionListTrailer {
        /// Lower end of the unambiguous range rate, m/s.
        velocity_min_mps: f32,
        /// Upper end of the unambiguous range rate, m/s.
        velocity_max_mps: f32,
        /// Detections in the list.
        count: u32,
        /// Azimuth alignment correction, rad.
        azimuth_correction_rad: f32,
        /// Elevation alignment correction, rad.
        elevation_correction_rad: f32,
        /// 0 initialising, 1 aligned, 2 not aligned.
        alignment_status: u8,
        /// Unused.
        reserved: [u8; 14],
    }
}

packed_record! {
    /// The 51 bytes before the object slots.
    pub struct ObjectListHeader {
        /// Header common to the lists.
        message: MessageHeader,
        /// Unused by the sensor.
        event_data_qualifier: u32,
        /// Unused by the sensor.
        extended_qualifier: u8,
        /// Objects in the list.
        count: u8,
    }
}

packed_record! {
    /// One object, 187 bytes.
    pub struct Object {
        /// Sensor status of the object.
        status_sensor: u16,
        /// Identifier.
        id: u32,
        /// Age in cycles.
        age: u16,
        /// 0 measured, 1 new, 2 predicted, 255 invalid.
        status_measurement: u8,
        /// 0 moved, 1 stationary, 255 invalid.
        status_movement: u8,
        /// Unspecified.
        position_invalid_flags: u16,
        /// Which point of the box `x_m`, `y_m` are, see [`super::Reference`].
        position_reference: u8,
        /// Reference point forward, m.
        x_m: f32,
        /// Its standard deviation, m.
        x_std_m: f32,
        /// Reference point left, m.
        y_m: f32,
        /// Its standard deviation, m.
        y_std_m: f32,
        /// Reference point up, m.
        z_m: f32,
        /// Its standard deviation, m.
        z_std_m: f32,
        /// Covariance of x and y, m^2.
        covariance_xy_m2: f32,
        /// Heading from x towards y, rad.
        orientation_rad: f32,
        /// Its standard deviation, rad.
        orientation_std_rad: f32,
        /// Unused by the sensor.
        existence_invalid_flags: u8,
        /// Probability of existence, percent.
        existence_percent: f32,
        /// Positive predictive value, percent; unused.
        existence_ppv_percent: f32,
        /// Car, percent.
        car: u8,
        /// Truck, percent.
        truck: u8,
        /// Motorcycle, percent.
        motorcycle: u8,
        /// Bicycle, percent.
        bicycle: u8,
        /// Pedestrian, percent.
        pedestrian: u8,
        /// Animal, percent.
        animal: u8,
        /// Hazard, percent.
        hazard: u8,
        /// Unknown, percent.
        unknown: u8,
        /// Unused by the sensor.
        overdrivable: u8,
        /// Unused by the sensor.
        underdrivable: u8,
        /// Unused by the sensor.
        absolute_velocity_invalid_flags: u8,
        /// Velocity over ground forward, m/s.
        vx_mps: f32,
        /// Its standard deviation, m/s.
        vx_std_mps: f32,
        /// Velocity over ground left, m/s.
        vy_mps: f32,
        /// Its standard deviation, m/s.
        vy_std_mps: f32,
        /// Covariance, (m/s)^2.
        v_covariance_xy: f32,
        /// Unused by the sensor.
        relative_velocity_invalid_flags: u8,
        /// Velocity relative to the sensor's vehicle forward, m/s.
        relative_vx_mps: f32,
        /// Its standard deviation, m/s.
        relative_vx_std_mps: f32,
        /// Velocity relative to the sensor's vehicle left, m/s.
        relative_vy_mps: f32,
        /// Its standard deviation, m/s.
        relative_vy_std_mps: f32,
        /// Covariance, (m/s)^2.
        relative_v_covariance_xy: f32,
        /// Unused by the sensor.
        absolute_acceleration_invalid_flags: u8,
        /// Acceleration over ground forward, m/s^2.
        ax_mps2: f32,
        /// Its standard deviation, m/s^2.
        ax_std_mps2: f32,
        /// Acceleration over ground left, m/s^2.
        ay_mps2: f32,
        /// Its standard deviation, m/s^2.
        ay_std_mps2: f32,
        /// Covariance, (m/s^2)^2.
        a_covariance_xy: f32,
        /// Unused by the sensor.
        relative_acceleration_invalid_flags: u8,
        /// Relative acceleration forward, m/s^2.
        relative_ax_mps2: f32,
        /// Its standard deviation, m/s^2.
        relative_ax_std_mps2: f32,
        /// Relative acceleration left, m/s^2.
        relative_ay_mps2: f32,
        /// Its standard deviation, m/s^2.
        relative_ay_std_mps2: f32,
        /// Covariance, (m/s^2)^2.
        relative_a_covariance_xy: f32,
        /// Unused by the sensor.
        orientation_rate_invalid_flags: u8,
        /// Turn rate, rad/s.
        orientation_rate_radps: f32,
        /// Its standard deviation, rad/s.
        orientation_rate_std_radps: f32,
        /// Unused by the sensor.
        length_status: u32,
        /// Unused by the sensor.
        length_invalid_flags: u8,
        /// Extent along the heading, m.
        length_m: f32,
        /// Its standard deviation, m; unused.
        length_std_m: f32,
        /// Unused by the sensor.
        width_status: u32,
        /// Unused by the sensor.
        width_invalid_flags: u8,
        /// Extent across the heading, m.
        width_m: f32,
        /// Its standard deviation, m; unused.
        width_std_m: f32,
    }
}

packed_record! {
    /// The whole status message, 84 bytes.
    pub struct Status {
        /// Service, 0.
        service_id: u16,
        /// Method, 380.
        method_id: u16,
        /// Bytes after this field.
        length: u32,
        /// Nanoseconds of the sensor's stamp.
        nanoseconds: u32,
        /// Seconds of the sensor's stamp.
        seconds: u32,
        /// 1 synchronised, 2 never synchronised, 3 synchronisation lost.
        sync_status: u8,
        /// Software version, major.
        version_major: u8,
        /// Software version, minor.
        version_minor: u8,
        /// Software version, patch.
        version_patch: u8,
        /// Mounting forward of the rear axle, m.
        longitudinal_m: f32,
        /// Mounting left, m.
        lateral_m: f32,
        /// Mounting up, m.
        vertical_m: f32,
        /// Mounting yaw, rad.
        yaw_rad: f32,
        /// Mounting pitch, rad.
        pitch_rad: f32,
        /// 0 plug right, 1 plug left.
        plug_orientation: u8,
        /// Configured vehicle length, m.
        vehicle_length_m: f32,
        /// Configured vehicle width, m.
        vehicle_width_m: f32,
        /// Configured vehicle height, m.
        vehicle_height_m: f32,
        /// Configured wheelbase, m.
        wheelbase_m: f32,
        /// Maximum detection distance, m.
        maximum_distance_m: u16,
        /// 0 low, 1 mid, 2 high.
        frequency_slot: u8,
        /// Cycle time, ms.
        cycle_time_ms: u8,
        /// Cycle offset, ms.
        time_slot_ms: u8,
        /// 1 worldwide, 2 Japan.
        country_code: u8,
        /// 0 off, 1 on.
        power_save_standstill: u8,
        /// First address of the sensor.
        address_0: [u8; 4],
        /// Second address of the sensor.
        address_1: [u8; 4],
        /// Counts accepted configurations.
        configuration_counter: u8,
        /// 0 received, 1 not received.
        longitudinal_velocity_status: u8,
        /// 0 received, 1 not received.
        longitudinal_acceleration_status: u8,
        /// 0 received, 1 not received.
        lateral_acceleration_status: u8,
        /// 0 received, 1 not received.
        yaw_rate_status: u8,
        /// 0 received, 1 not received.
        steering_angle_status: u8,
        /// 0 received, 1 not received.
        driving_direction_status: u8,
        /// 0 received, 1 not received.
        characteristic_speed_status: u8,
        /// 0 initialising, 1 operating, 2 invalid.
        radar_status: u8,
        /// Bits: under-voltage now, past, over-voltage now, past.
        voltage_status: u8,
        /// Bits: under-temperature now, past, over-temperature now, past.
        temperature_status: u8,
        /// Low nibble: 0 blind to 4 none; high nibble: 0 self test failed, 1 passed, 2 ongoing.
        blockage_status: u8,
    }
}
