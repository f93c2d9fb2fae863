//! The configuration of a bundle: a radar on the network and, where the program has cameras, one of
//! these, with the board's own queues and limits. A vehicle's own configuration takes its place.

use drafthorse_boards::BoardProfile;

/// The text of the configuration, whose paths begin at its own folder in the release.
pub(super) fn text(profile: &BoardProfile) -> String {
    let mut text = format!(
        "# What {} runs until it has a configuration of its own (docs/deploy.md).\n\
         name = \"{}\"\n\n\
         [[sensors]]\nname = \"front_radar\"\nsource = \"ars548+udp:224.0.2.2:42102\"\n",
        profile.description, profile.name
    );
    let camera = "\n[[sensors]]\nname = \"front_camera\"\nsource = \"v4l2:/dev/video0\"\n";
    if profile.bundle.features.iter().any(|f| f == "v4l2") {
        text.push_str(camera);
    }
    if profile
        .bundle
        .models
        .iter()
        .any(|m| m == "radar-gaussian-s")
    {
        text.push_str("\n[[networks]]\nmodel = \"../models/radar-gaussian-s\"\n");
    }
    let (lanes, record) = (&profile.lanes, &profile.record);
    text.push_str(&format!(
        "\n[lanes]\nradar_queue = {}\ncamera_queue = {}\ncan_queue = {}\n\
         radar_deadline_ms = {:?}\ncamera_deadline_ms = {:?}\n\
         \n[governor]\nenabled = {}\n{}\
         \n[record]\nquota_mib = {}\nrotate_mib = {}\nfree_space_floor_mib = {}\nbuffer_mib = {}\n",
        lanes.radar.queue,
        lanes.camera.queue,
        lanes.can_queue,
        lanes.radar.deadline_ms,
        lanes.camera.deadline_ms,
        profile.governor,
        match profile.sensing.limit_c {
            Some(limit_c) => format!("zone_limit_c = {limit_c:?}\n"),
            None => String::new(),
        },
        record.quota_mib,
        // At most half of the quota, so that older files can go while one is written.
        match record.quota_mib {
            0 => 1024,
            quota => (quota / 4).clamp(1, 1024),
        },
        record.free_space_floor_mib,
        record.buffer_mib
    ));
    text
}
