//! Writes a sample network and inputs for it: `samples NETWORK tiny|bench COUNT FOLDER` gives
//! `FOLDER/NETWORK.onnx` and `FOLDER/samples`.

mod common;

use drafthorse_samples::{Size, all};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, size, count, folder] = arguments.as_slice() else {
        return Err("give the network, its size, the number of samples and a folder".into());
    };
    let size = match size.as_str() {
        "tiny" => Size::Tiny,
        _ => Size::Bench,
    };
    let network = all(size)
        .into_iter()
        .find(|sample| sample.name == network)
        .ok_or("there is no such network")?;
    let folder = Path::new(folder);
    for index in 0..count.parse()? {
        let mut inputs = network.inputs(index);
        inputs.extend(network.initial_state());
        common::write(&folder.join("samples"), index as usize, &inputs)?;
    }
    std::fs::write(
        folder.join(format!("{}.onnx", network.name)),
        network.bytes(),
    )?;
    Ok(())
}
