//! Schemas and channels of one file, as they were defined in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::format::{Fields, op};

/// A channel with its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Number of the channel in its file.
    pub id: u16,
    /// Topic, such as `/tracks`.
    pub topic: String,
    /// Full name of the message type; empty when the channel has no schema.
    pub schema_name: String,
    /// Encoding of the schema, such as `protobuf` or `ros2msg`; empty when it has none.
    pub schema_encoding: String,
    /// The schema itself.
    pub schema_data: Arc<[u8]>,
    /// Encoding of the messages, such as `protobuf` or `cdr`.
    pub message_encoding: String,
    /// Free key-value pairs.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Schema {
    name: String,
    encoding: String,
    data: Arc<[u8]>,
    body: Vec<u8>,
}

/// Every definition met so far.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    schemas: BTreeMap<u16, Schema>,
    channels: BTreeMap<u16, (Channel, Vec<u8>)>,
}

impl Catalog {
    /// Takes in a schema or channel record; says what is wrong with it.
    pub(crate) fn define(&mut self, opcode: u8, body: &[u8]) -> Result<(), &'static str> {
        match opcode {
            op::SCHEMA => self.define_schema(body),
            _ => self.define_channel(body),
        }
    }

    fn define_schema(&mut self, body: &[u8]) -> Result<(), &'static str> {
        let mut fields = Fields(body);
        let parsed = (|| {
            Some((
                fields.u16()?,
                fields.text()?,
                fields.text()?,
                fields.bytes()?,
            ))
        })();
        let Some((id, name, encoding, data)) = parsed else {
            return Err("a schema record is malformed");
        };
        if let Some(known) = self.schemas.get(&id) {
            return match known.body == body {
                true => Ok(()),
                false => Err("a schema is defined twice in different ways"),
            };
        }
        if id == 0 {
            return Err("a schema has the reserved number 0");
        }
        let schema = Schema {
            name: name.to_owned(),
            encoding: encoding.to_owned(),
            data: data.into(),
            body: body.to_owned(),
        };
        self.schemas.insert(id, schema);
        Ok(())
    }

    fn define_channel(&mut self, body: &[u8]) -> Result<(), &'static str> {
        let mut fields = Fields(body);
        let parsed = (|| {
            let (id, schema) = (fields.u16()?, fields.u16()?);
            Some((id, schema, fields.text()?, fields.text()?, fields.map()?))
        })();
        let Some((id, schema_id, topic, message_encoding, metadata)) = parsed else {
            return Err("a channel record is malformed");
        };
        if let Some((_, known)) = self.channels.get(&id) {
            return match known == body {
                true => Ok(()),
                false => Err("a channel is defined twice in different ways"),
            };
        }
        let schema = self.schemas.get(&schema_id);
        if schema.is_none() && schema_id != 0 {
            return Err("a channel names a schema that the log does not define");
        }
        let channel = Channel {
            id,
            topic: topic.to_owned(),
            schema_name: schema.map_or_else(String::new, |s| s.name.clone()),
            schema_encoding: schema.map_or_else(String::new, |s| s.encoding.clone()),
            schema_data: schema.map_or_else(|| Arc::from([]), |s| s.data.clone()),
            message_encoding: message_encoding.to_owned(),
            metadata,
        };
        self.channels.insert(id, (channel, body.to_owned()));
        Ok(())
    }

    pub(crate) fn channel(&self, id: u16) -> Option<&Channel> {
        self.channels.get(&id).map(|(channel, _)| channel)
    }

    pub(crate) fn has_channel(&self, id: u16) -> bool {
        self.channels.contains_key(&id)
    }

    /// All channels by number.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.values().map(|(channel, _)| channel)
    }

    /// Bodies of all schema records by number.
    pub(crate) fn schema_bodies(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.schemas.values().map(|schema| schema.body.as_slice())
    }

    /// Bodies of all channel records by number.
    pub(crate) fn channel_bodies(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.channels.values().map(|(_, body)| body.as_slice())
    }
}
