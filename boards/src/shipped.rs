//! The profiles that are compiled in.

use crate::error::BoardError;
use crate::profile::BoardProfile;

/// Text of each shipped profile by name.
const SHIPPED: [(&str, &str); 7] = [
    ("agx-orin", include_str!("../agx-orin.toml")),
    ("agx-thor", include_str!("../agx-thor.toml")),
    ("host", include_str!("../host.toml")),
    ("orin-nano", include_str!("../orin-nano.toml")),
    ("orin-nx", include_str!("../orin-nx.toml")),
    ("raspberry-pi-5", include_str!("../raspberry-pi-5.toml")),
    ("virt-aarch64", include_str!("../virt-aarch64.toml")),
];

/// The names of the shipped profiles.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The shipped profile of that name.
///
/// # Errors
/// [`BoardError::Unknown`] with the names there are.
pub fn builtin(name: &str) -> Result<BoardProfile, BoardError> {
    let Some((_, text)) = SHIPPED.iter().find(|(known, _)| *known == name) else {
        return Err(BoardError::Unknown {
            name: name.to_owned(),
            known: SHIPPED.map(|(known, _)| known).join(", "),
        });
    };
    BoardProfile::parse(text)
}

/// The profile of an ordinary Linux computer.
#[must_use]
pub fn host() -> BoardProfile {
    #[allow(clippy::expect_used)] // The text is compiled in; a test parses it.
    builtin("host").expect("the shipped profile is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_is_valid_and_bears_its_name() {
        for name in names() {
            assert_eq!(builtin(name).unwrap().name, name);
        }
        assert!(host().lanes.radar.queue > 0);
    }

    #[test]
    fn every_file_of_the_folder_is_shipped() {
        let files = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
        let mut found: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .filter(|name| name != "Cargo")
            .collect();
        found.sort();
        assert_eq!(found, names().collect::<Vec<_>>());
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = builtin("toaster").unwrap_err().to_string();
        assert!(
            error.contains("toaster") && error.contains("host"),
            "{error}"
        );
    }

    #[test]
    fn faulty_profiles_are_refused() {
        let whole = builtin("orin-nano").unwrap();
        let text = toml::to_string(&whole).unwrap();
        assert_eq!(BoardProfile::parse(&text).unwrap(), whole);
        for (from, to, word) in [
            ("cores = 6", "cores = 0", "cores"),
            ("cores = 6", "cores = 6\nfans = 3", "fans"),
            ("queue = 8", "queue = 0", "queue"),
            ("queue = 8", "queue = -1", "queue"),
            ("deadline_ms = 50.0", "deadline_ms = nan", "deadline_ms"),
            ("affinity = [", "affinity = [6, ", "affinity"),
            ("clock = \"ptp\"", "clock = \"sundial\"", "sundial"),
            ("buffer_mib = ", "buffer_mib = 1 # ", "buffer_mib"),
            ("can_queue = 1024", "can_queue = 0", "can_queue"),
            ("triple = \"aarch64-", "triple = \"aarch64\" # ", "triple"),
            ("glibc = \"2.35\"", "glibc = \"new\"", "like 2.35"),
            ("0955:7523", "0955:75", "USB id"),
            ("recovery_usb = [", "recovery_usb = [] # ", "recovery_usb"),
            ("board = \"jetson", "board = \"a-jetson", "flash.arguments"),
            ("tool = \"./", "tool = \"../", "flash.tool"),
            ("[jetson_linux]", "[jetson_linux_]", "jetson_linux_"),
            ("keep = 3", "keep = 1", "deploy.keep"),
            ("root = \"/", "root = \"", "absolute"),
            ("restart = [", "restart = [] # ", "deploy.restart"),
            ("health_s = ", "health_s = 0 # ", "health_s"),
            ("pin = 29", "pin = 41", "gpio.pin"),
            ("radar_trigger", "camera_trigger", "gpio.use"),
            ("PQ.06", "PQ.05", "gpio.line"),
            ("radar-gaussian-s", "../secret", "bundle.models"),
        ] {
            let faulty = text.replacen(from, to, 1);
            assert_ne!(faulty, text, "{from}");
            let error = BoardProfile::parse(&faulty).unwrap_err().to_string();
            assert!(error.contains(word), "{from}: {error}");
        }
    }
}
