//! The schemas and channels of a recorder, encoded once and repeated in each segment.

use std::collections::HashMap;

use crate::config::{ChannelId, ChannelSpec};
use crate::error::RecordError;
use crate::format::{op, put_bytes, put_map, put_record, put_u16};

/// Everything defined so far.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// All schema and channel records, in order.
    pub(super) records: Vec<u8>,
    /// Number of channels; they are numbered from 1.
    pub(super) channels: u16,
    schemas: u16,
    known_schemas: HashMap<(String, String, Vec<u8>), u16>,
    known_channels: HashMap<Vec<u8>, u16>,
}

impl Definitions {
    /// Defines a channel unless it is known, also appending its records to `chunk`.
    pub(super) fn add(
        &mut self,
        spec: &ChannelSpec,
        chunk: &mut Vec<u8>,
    ) -> Result<ChannelId, RecordError> {
        let start = self.records.len();
        let schema = self.schema(spec)?;
        let mut key = Vec::new();
        put_u16(&mut key, schema);
        put_bytes(&mut key, spec.topic.as_bytes());
        put_bytes(&mut key, spec.message_encoding.as_bytes());
        put_map(&mut key, &spec.metadata);
        let id = match self.known_channels.get(&key) {
            Some(&id) => id,
            None => {
                let id = self
                    .channels
                    .checked_add(1)
                    .ok_or(RecordError::TooManyChannels);
                let id = id.inspect_err(|_| self.records.truncate(start))?;
                put_record(&mut self.records, op::CHANNEL, |out| {
                    put_u16(out, id);
                    out.extend_from_slice(&key);
                });
                self.channels = id;
                self.known_channels.insert(key, id);
                id
            }
        };
        chunk.extend_from_slice(&self.records[start..]);
        Ok(ChannelId(id))
    }

    fn schema(&mut self, spec: &ChannelSpec) -> Result<u16, RecordError> {
        if spec.schema_encoding.is_empty() && spec.schema_name.is_empty() {
            return Ok(0);
        }
        let key = (
            spec.schema_name.clone(),
            spec.schema_encoding.clone(),
            spec.schema_data.clone(),
        );
        if let Some(&id) = self.known_schemas.get(&key) {
            return Ok(id);
        }
        let id = self
            .schemas
            .checked_add(1)
            .ok_or(RecordError::TooManyChannels)?;
        put_record(&mut self.records, op::SCHEMA, |out| {
            put_u16(out, id);
            put_bytes(out, spec.schema_name.as_bytes());
            put_bytes(out, spec.schema_encoding.as_bytes());
            put_bytes(out, &spec.schema_data);
        });
        self.schemas = id;
        self.known_schemas.insert(key, id);
        Ok(id)
    }
}
