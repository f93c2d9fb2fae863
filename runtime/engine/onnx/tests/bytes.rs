//! Any bytes give a model or a typed error.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_onnx::{Builder, DataType, Dim, Graph, OnnxError, attr, encode, parse, proto};
use proptest::prelude::*;

fn model() -> proto::Model {
    let mut b = Builder::new("it", 17);
    let dims = [Dim::Dynamic("batch".to_owned()), Dim::Fixed(2)];
    let x = b.input("x", DataType::F32, &dims);
    let w = b.weight("w", &[2, 2], &[1.0f32, 2.0, 3.0, 4.0]);
    let product = b.node("product", "MatMul", &[&x, &w], vec![]);
    let soft = b.node("soft", "Softmax", &[&product], vec![attr::int("axis", -1)]);
    b.output("y", &soft, DataType::F32, &dims);
    b.finish()
}

#[test]
fn what_is_built_is_read_as_it_was() {
    let model = model();
    let read = parse(&encode(&model)).unwrap();
    assert_eq!(read, model);
    assert_eq!(encode(&read), encode(&model));
    let inputs = drafthorse_onnx::inputs(&read);
    assert_eq!(inputs.len(), 1);
    let dims = inputs[0].dims.as_ref().unwrap();
    assert_eq!(
        dims.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["batch", "2"]
    );
    let graph = Graph::new(read.graph.as_ref().unwrap());
    assert_eq!(graph.maker("product").unwrap().op_type, "MatMul");
    assert_eq!(graph.users("product")[0].title(), "soft");
    assert_eq!(
        graph.weight("w").unwrap().data::<f32>().unwrap(),
        [1.0, 2.0, 3.0, 4.0]
    );
    assert_eq!(graph.weight("w").unwrap().data::<i64>(), None);
}

#[test]
fn weights_in_other_files_and_impossible_shapes_are_told() {
    let mut outside = model();
    outside.graph.as_mut().unwrap().initializer[0].data_location = 1;
    assert!(matches!(parse(&encode(&outside)), Err(OnnxError::External { name }) if name == "w"));
    for dims in [vec![-1, 2], vec![i64::MAX, i64::MAX]] {
        let mut wrong = model();
        wrong.graph.as_mut().unwrap().initializer[0].dims = dims;
        assert!(matches!(
            parse(&encode(&wrong)),
            Err(OnnxError::BadWeight { .. })
        ));
    }
    let mut typeless = model();
    typeless.graph.as_mut().unwrap().initializer[0].data_type = 99;
    assert!(matches!(
        parse(&encode(&typeless)),
        Err(OnnxError::BadWeight { .. })
    ));
    assert!(matches!(parse(&[]), Err(OnnxError::Lacks(_))));
}

proptest! {
    #[test]
    fn any_bytes_give_a_model_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn a_damaged_model_gives_a_model_or_an_error(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = encode(&model());
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(model) = parse(&bytes) {
            // What was accepted can be looked through and written again.
            let _ = (drafthorse_onnx::inputs(&model), drafthorse_onnx::outputs(&model));
            prop_assert!(parse(&encode(&model)).is_ok());
        }
    }
}
