//! What the server says of itself and its two models.

use drafthorse_protocol::inference::model_metadata_response::TensorMetadata;
use drafthorse_protocol::inference::{ModelMetadataResponse, ServerMetadataResponse};
use drafthorse_protocol::{
    GENERATE_INPUTS, GENERATE_MODEL, GENERATE_OUTPUTS, TensorSpecification, VERIFY_INPUTS,
    VERIFY_MODEL, VERIFY_OUTPUTS,
};
use tonic::Status;

/// The models' only version.
const VERSION: &str = "1";

pub(crate) fn server() -> ServerMetadataResponse {
    ServerMetadataResponse {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: Vec::new(),
    }
}

/// A model that is served: its tensors.
pub(crate) fn model(name: &str, version: &str) -> Result<ModelMetadataResponse, Status> {
    let (inputs, outputs): (&[_], &[_]) = match name {
        VERIFY_MODEL => (&VERIFY_INPUTS, &VERIFY_OUTPUTS),
        GENERATE_MODEL => (&GENERATE_INPUTS, &GENERATE_OUTPUTS),
        _ => {
            let name: String = name.chars().take(64).collect();
            let what =
                format!("there is no model `{name}`, but {VERIFY_MODEL} and {GENERATE_MODEL}");
            return Err(Status::not_found(what));
        }
    };
    if !version.is_empty() && version != VERSION {
        let what = format!("{name} has the version {VERSION} only");
        return Err(Status::not_found(what));
    }
    let tensors = |of: &[TensorSpecification]| of.iter().map(tensor).collect();
    Ok(ModelMetadataResponse {
        name: name.to_owned(),
        versions: vec![VERSION.to_owned()],
        platform: "drafthorse".to_owned(),
        inputs: tensors(inputs),
        outputs: tensors(outputs),
    })
}

fn tensor(of: &TensorSpecification) -> TensorMetadata {
    TensorMetadata {
        name: of.name.to_owned(),
        datatype: of.datatype.to_owned(),
        shape: vec![1, of.length],
    }
}
