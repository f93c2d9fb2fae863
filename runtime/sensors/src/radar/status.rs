//! The status message of an ARS548 as named numbers.

use drafthorse_wire::ars548::Status;

/// The status fields under their datasheet names; names are written once, values each time.
pub(super) fn fill_status(status: &Status, fields: &mut Vec<(String, f64)>) {
    fn f(value: impl Into<f64>) -> f64 {
        value.into()
    }
    let ip = |address: [u8; 4]| f(u32::from_be_bytes(address));
    let values = [
        ("sync_status", f(status.sync_status)),
        ("version_major", f(status.version_major)),
        ("version_minor", f(status.version_minor)),
        ("version_patch", f(status.version_patch)),
        ("longitudinal_m", f(status.longitudinal_m)),
        ("lateral_m", f(status.lateral_m)),
        ("vertical_m", f(status.vertical_m)),
        ("yaw_rad", f(status.yaw_rad)),
        ("pitch_rad", f(status.pitch_rad)),
        ("plug_orientation", f(status.plug_orientation)),
        ("vehicle_length_m", f(status.vehicle_length_m)),
        ("vehicle_width_m", f(status.vehicle_width_m)),
        ("vehicle_height_m", f(status.vehicle_height_m)),
        ("wheelbase_m", f(status.wheelbase_m)),
        ("maximum_distance_m", f(status.maximum_distance_m)),
        ("frequency_slot", f(status.frequency_slot)),
        ("cycle_time_ms", f(status.cycle_time_ms)),
        ("time_slot_ms", f(status.time_slot_ms)),
        ("country_code", f(status.country_code)),
        ("power_save_standstill", f(status.power_save_standstill)),
        ("address_0", ip(status.address_0)),
        ("address_1", ip(status.address_1)),
        ("configuration_counter", f(status.configuration_counter)),
        (
            "longitudinal_velocity_status",
            f(status.longitudinal_velocity_status),
        ),
        (
            "longitudinal_acceleration_status",
            f(status.longitudinal_acceleration_status),
        ),
        (
            "lateral_acceleration_status",
            f(status.lateral_acceleration_status),
        ),
        ("yaw_rate_status", f(status.yaw_rate_status)),
        ("steering_angle_status", f(status.steering_angle_status)),
        (
            "driving_direction_status",
            f(status.driving_direction_status),
        ),
        (
            "characteristic_speed_status",
            f(status.characteristic_speed_status),
        ),
        ("radar_status", f(status.radar_status)),
        ("voltage_status", f(status.voltage_status)),
        ("temperature_status", f(status.temperature_status)),
        ("blockage_status", f(status.blockage_status)),
    ];
    if fields.len() != values.len() {
        fields.clear();
        fields.extend(
            values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value)),
        );
    }
    for ((_, slot), (_, value)) in fields.iter_mut().zip(values) {
        *slot = value;
    }
}
