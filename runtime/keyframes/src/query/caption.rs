//! A query in the sentences of captions, for models that match pictures and texts.

use super::parse::{Query, Said};
use super::sense::{Distance, Light, Sense, Side, Signal, Traffic, Weather};
use drafthorse_core::Class;

impl Query {
    /// The scene that the query describes, as one caption: a sentence for each thing that a caption states,
    /// and the words that no sentence holds as they are. A model leaves out what it does not know.
    #[must_use]
    pub fn caption(&self) -> String {
        let mut sentences: Vec<String> = self.senses().filter_map(of_scene).collect();
        let users: Vec<Class> = self.users().filter(|c| *c != Class::Unknown).collect();
        for class in &users {
            sentences.extend(self.of_user(class.name()));
        }
        let paint = self.senses().find_map(|sense| match sense {
            Sense::Colour(name) => Some(format!("the nearest car is {name}")),
            _ => None,
        });
        sentences.extend(paint);
        let is_stated = |said: &&Said| match said.sense {
            Some(Sense::Side(_) | Sense::Distance(_)) => !users.is_empty(),
            Some(Sense::User(class)) => class != Class::Unknown,
            Some(Sense::Colour(_)) => true,
            Some(sense) => of_scene(sense).is_some(),
            None => false,
        };
        let rest = self.said.iter().filter(|said| !is_stated(said));
        sentences.extend(rest.map(|said| said.words.clone()));
        sentences.join(" . ")
    }

    /// Names of the road users that patches of a picture are compared with.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.users()
            .filter(|class| *class != Class::Unknown)
            .map(Class::name)
    }

    fn of_user(&self, name: &str) -> Vec<String> {
        let mut sentences = Vec::new();
        match self.side() {
            Some(Side::Left) => sentences.push(format!("the nearest {name} is on the left")),
            Some(Side::Right) => sentences.push(format!("the nearest {name} is on the right")),
            Some(Side::Ahead) => sentences.push(format!("the first road user ahead is a {name}")),
            None => {}
        }
        match self.distance() {
            Some(Distance::Near) => sentences.push(format!("the nearest {name} is close")),
            Some(Distance::Far) => sentences.push(format!("the nearest {name} is far away")),
            None => {}
        }
        if sentences.is_empty() {
            sentences.push(format!("we see some {name}s"));
        }
        sentences
    }
}

fn of_scene(sense: Sense) -> Option<String> {
    let text = match sense {
        Sense::Light(Light::Day) => "the light is that of day",
        Sense::Light(Light::LowSun) => "the light is that of low sun",
        Sense::Light(Light::Dusk) => "the light is that of dusk",
        Sense::Light(Light::Night) => "the light is that of night",
        Sense::Weather(Weather::Clear) => "the weather is clear",
        Sense::Weather(Weather::Drizzle) => "the weather is drizzly",
        Sense::Weather(Weather::Rain) => "the weather is rainy",
        Sense::Weather(Weather::Fog) => "the weather is foggy",
        Sense::Signal(Signal::Red) => "the traffic light is red",
        Sense::Signal(Signal::Green) => "the traffic light is green",
        Sense::Signal(Signal::Any) => "we see a traffic light",
        Sense::Zebra => "we see a zebra crossing",
        Sense::Traffic(Traffic::Busy) => "we see four or more cars",
        Sense::Traffic(Traffic::Empty) => "nobody is ahead of us",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caption_states_is_a_sentence_and_the_rest_stays_as_it_is() {
        let caption = |text: &str| Query::parse(text).expect("a query").caption();
        assert_eq!(
            caption("cyclist in front at night"),
            "the light is that of night . the first road user ahead is a cyclist"
        );
        assert_eq!(caption("lorry"), "we see some trucks");
        assert_eq!(
            caption("radar stalled near a crossing lorry in fog"),
            "the weather is foggy . the nearest truck is close . radar . stalled . crossing"
        );
    }
}
