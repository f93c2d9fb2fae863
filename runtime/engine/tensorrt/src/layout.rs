//! Whether the types of [`crate::abi`] are those of the header: the C compiler judges.

use crate::abi::*;
use std::mem::{offset_of, size_of};
use std::process::Command;

/// The C compiler judges sizes and offsets: it reads the header itself.
#[test]
fn the_types_lie_in_memory_as_the_header_says() {
    let mut source = String::from("#include \"drafthorse_tensorrt.h\"\n#include <stddef.h>\n");
    let mut claim = |what: &str, is: usize| {
        source += &format!("_Static_assert({what} == {is}, \"{what}\");\n");
    };
    macro_rules! claims {
        ($($rust:ident $c:ident: $($field:ident)*;)*) => {
            $(claim(concat!("sizeof(", stringify!($c), ")"), size_of::<$rust>());
            $(claim(
                concat!("offsetof(", stringify!($c), ", ", stringify!($field), ")"),
                offset_of!($rust, $field),
            );)*)*
        };
    }
    claims! {
        Versions dht_versions: tensorrt cuda compute dla_cores implementation device;
        Profile dht_profile: input rank min opt max;
        BuildOptions dht_build_options: onnx onnx_size timing timing_size calibration
            calibration_size profiles profile_count workspace device dla_core fp16 int8
            progress progress_context;
        SessionOptions dht_session_options: engine engine_size device dla_core graphs;
        TensorInfo dht_tensor: name is_input dtype rank dims;
    }
    claim("DHT_ABI_VERSION", ABI_VERSION as usize);
    claim("DHT_MAX_RANK", MAX_RANK);
    claim("DHT_OK", OK as usize);
    claim("DHT_CANCELLED", CANCELLED as usize);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("claims.c");
    std::fs::write(&file, source).unwrap();
    let compiled = Command::new("cc")
        .args(["-std=c11", "-fsyntax-only", "-I"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/shim"))
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{said}");
}
