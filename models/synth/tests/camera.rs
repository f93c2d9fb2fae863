//! Light and weather show in the pictures as they should.

use drafthorse_synth::{Drive, DriveConfig, Event, Light, Town, Weather};

struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// Mean brightness of some rows.
    fn mean(&self, rows: std::ops::Range<usize>) -> f64 {
        let part = &self.rgb[3 * self.width * rows.start..3 * self.width * rows.end];
        part.iter().map(|v| f64::from(*v)).sum::<f64>() / part.len() as f64
    }

    /// Spread of brightness within some rows.
    fn contrast(&self, rows: std::ops::Range<usize>) -> f64 {
        let part = &self.rgb[3 * self.width * rows.start..3 * self.width * rows.end];
        let mean = self.mean(rows);
        let squares = part.iter().map(|v| (f64::from(*v) - mean).powi(2));
        (squares.sum::<f64>() / part.len() as f64).sqrt()
    }
}

/// The picture `seconds` into a drive.
fn picture(town: Town, light: Light, weather: Weather, seconds: f64) -> Picture {
    let mut drive = Drive::new(&DriveConfig {
        seed: 6,
        seconds: seconds + 0.1,
        radar_hz: 0.0,
        camera_fps: 1.0 / seconds,
        town,
        light,
        weather,
        ..DriveConfig::default()
    });
    let mut last = None;
    while let Some(event) = drive.next() {
        if let Event::Frame {
            width, height, rgb, ..
        } = event
        {
            last = Some(Picture {
                width: width as usize,
                height: height as usize,
                rgb: rgb.to_vec(),
            });
        }
    }
    last.expect("a picture")
}

#[test]
fn it_gets_darker_from_day_to_night() {
    let mean = |light| {
        let p = picture(Town::OldTown, light, Weather::Clear, 2.0);
        p.mean(0..p.height)
    };
    let (day, dusk, night) = (mean(Light::Day), mean(Light::Dusk), mean(Light::Night));
    assert!(
        day > 1.4 * dusk && dusk > 1.4 * night,
        "{day} {dusk} {night}"
    );
}

#[test]
fn at_night_headlamps_light_the_road_ahead_and_lamps_shine() {
    let p = picture(Town::Boulevard, Light::Night, Weather::Clear, 2.0);
    let (sky, road) = (p.mean(0..60), p.mean(p.height - 60..p.height));
    assert!(road > 2.0 * sky, "{road} {sky}");
    let bright = p.rgb.iter().filter(|v| **v > 230).count();
    assert!(bright > 100, "{bright} bright values");
}

#[test]
fn fog_takes_the_contrast_of_what_is_far() {
    // Rows about the horizon show what is far.
    let far = |weather| {
        let p = picture(Town::Boulevard, Light::Day, weather, 2.0);
        let middle = p.height / 2;
        p.contrast(middle - 25..middle)
    };
    let (clear, rain, fog) = (far(Weather::Clear), far(Weather::Rain), far(Weather::Fog));
    assert!(
        clear > 1.1 * rain && rain > 1.1 * fog,
        "{clear} {rain} {fog}"
    );
}

#[test]
fn a_low_sun_ahead_dazzles() {
    let white = |light| {
        let p = picture(Town::Gardens, light, Weather::Clear, 2.0);
        p.rgb.iter().filter(|v| **v > 250).count()
    };
    let (day, low) = (white(Light::Day), white(Light::LowSun));
    assert!(low > day + 5000, "{low} {day}");
}

#[test]
fn the_same_night_gives_the_same_pictures() {
    let night = || picture(Town::Harbour, Light::Night, Weather::Rain, 1.0).rgb;
    assert_eq!(night(), night());
}
