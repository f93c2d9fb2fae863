//! A slow engine that follows the operators' definitions word by word.

use drafthorse_engine::{
    Artefact, Backend, EngineError, LoadOptions, Model as Engine, Port, Ports, Tensor, View,
    ViewMut,
};
use drafthorse_onnx::proto::{DataType, Model, Node, Tensor as Weight};
use std::collections::HashMap;

/// The engine.
pub(crate) struct Plain;

impl Backend for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn load(
        &self,
        artefact: Artefact<'_>,
        options: &LoadOptions,
    ) -> Result<Box<dyn Engine>, EngineError> {
        let model =
            drafthorse_onnx::parse(artefact.bytes).map_err(|why| EngineError::NotAModel {
                model: artefact.name.to_owned(),
                why,
            })?;
        let ports = Ports::of(artefact.name, &model, options)?;
        let zeros = |port: &Port| Tensor::zeros(port.dtype, &port.shape_with(1));
        Ok(Box::new(Loaded {
            inputs: ports.inputs.iter().map(zeros).collect(),
            outputs: Vec::new(),
            ports,
            model,
        }))
    }
}

struct Loaded {
    model: Model,
    ports: Ports,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

impl Engine for Loaded {
    fn inputs(&self) -> &[Port] {
        &self.ports.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.ports.outputs
    }

    fn resize(&mut self, input: usize, shape: &[usize]) -> Result<(), EngineError> {
        if self.inputs[input].shape() != shape {
            self.inputs[input] = Tensor::zeros(self.ports.inputs[input].dtype, shape);
        }
        Ok(())
    }

    fn input_mut(&mut self, input: usize) -> ViewMut<'_> {
        self.inputs[input].view_mut()
    }

    fn run(&mut self) -> Result<(), EngineError> {
        let graph = self.model.graph.as_ref().unwrap();
        let mut values: HashMap<String, Value> = HashMap::new();
        for weight in &graph.initializer {
            values.insert(weight.name.clone(), Value::of_weight(weight));
        }
        for (port, tensor) in self.ports.inputs.iter().zip(&self.inputs) {
            let data = tensor.data::<f32>().unwrap();
            let data = data.iter().map(|v| f64::from(*v)).collect();
            let value = Value::new(tensor.shape(), data);
            values.insert(port.name.clone(), value);
        }
        for node in &graph.node {
            let inputs: Vec<&Value> = node.input.iter().map(|name| &values[name]).collect();
            let output = operate(node, &inputs);
            values.insert(node.output[0].clone(), output);
        }
        let outputs = self.ports.outputs.iter();
        self.outputs = outputs.map(|port| values[&port.name].tensor()).collect();
        Ok(())
    }

    fn output(&self, output: usize) -> View<'_> {
        self.outputs[output].view()
    }

    fn keep(&mut self, _: drafthorse_engine::Kept<'_>) -> Result<(), EngineError> {
        // It has no state.
        Ok(())
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

/// Elements of any type.
#[derive(Clone)]
struct Value {
    shape: Vec<usize>,
    data: Vec<f64>,
    data_type: DataType,
}

impl Value {
    fn new(shape: &[usize], data: Vec<f64>) -> Self {
        Self {
            shape: shape.to_vec(),
            data,
            data_type: DataType::F32,
        }
    }

    fn of_weight(weight: &Weight) -> Self {
        let data = match weight.data_type() {
            DataType::F32 => weight
                .data::<f32>()
                .map(|d| d.into_iter().map(f64::from).collect()),
            DataType::U8 => weight
                .data::<u8>()
                .map(|d| d.into_iter().map(f64::from).collect()),
            DataType::I8 => weight
                .data::<i8>()
                .map(|d| d.into_iter().map(f64::from).collect()),
            DataType::I32 => weight
                .data::<i32>()
                .map(|d| d.into_iter().map(f64::from).collect()),
            DataType::I64 => weight
                .data::<i64>()
                .map(|d| d.iter().map(|v| *v as f64).collect()),
            _ => None,
        };
        Self {
            data_type: weight.data_type(),
            ..Self::new(&weight.shape(), data.unwrap())
        }
    }

    fn tensor(&self) -> Tensor {
        let data = self.data.iter().map(|v| *v as f32).collect();
        Tensor::new(&self.shape, data)
    }

    fn map(&self, each: impl Fn(f64) -> f64) -> Self {
        Self::new(&self.shape, self.data.iter().map(|v| each(*v)).collect())
    }
}

fn ints(node: &Node, name: &str) -> Option<Vec<i64>> {
    let attribute = node.attribute.iter().find(|a| a.name == name)?;
    Some(attribute.ints.clone())
}

fn axis(node: &Node, rank: usize, absent: i64) -> usize {
    let attribute = node.attribute.iter().find(|a| a.name == "axis");
    let axis = attribute.map_or(absent, |a| a.i);
    usize::try_from(axis).unwrap_or((rank as i64 + axis) as usize)
}

fn operate(node: &Node, inputs: &[&Value]) -> Value {
    let x = inputs[0];
    match node.op_type.as_str() {
        "Identity" => x.clone(),
        "Relu" => x.map(|v| v.max(0.0)),
        "Add" => {
            // Of one shape, or the second a number for each index of the last axis.
            let added = inputs[1].data.iter().cycle();
            let sum = x.data.iter().zip(added).map(|(a, b)| a + b);
            Value::new(&x.shape, sum.collect())
        }
        "Reshape" => {
            let wanted = &inputs[1].data;
            let known: f64 = wanted.iter().filter(|v| **v > 0.0).product();
            let free = x.data.len() / known as usize;
            let length = |v: &f64| if *v < 0.0 { free } else { *v as usize };
            let shape: Vec<usize> = wanted.iter().map(length).collect();
            Value::new(&shape, x.data.clone())
        }
        "Transpose" => {
            assert_eq!(ints(node, "perm").unwrap(), [0, 2, 1]);
            let &[n, rows, columns] = x.shape.as_slice() else {
                unreachable!()
            };
            let at = |i: usize| {
                let (b, c, r) = (i / (rows * columns), i / rows % columns, i % rows);
                x.data[b * rows * columns + r * columns + c]
            };
            let data = (0..x.data.len()).map(at).collect();
            Value::new(&[n, columns, rows], data)
        }
        "Softmax" => {
            let length = *x.shape.last().unwrap();
            let rows = x.data.chunks(length).flat_map(|row| {
                let sum: f64 = row.iter().map(|v| v.exp()).sum();
                row.iter().map(move |v| v.exp() / sum)
            });
            Value::new(&x.shape, rows.collect())
        }
        "Concat" => {
            assert_eq!((axis(node, 4, 1), x.shape[0]), (1, 1));
            let mut shape = x.shape.clone();
            shape[1] = inputs.iter().map(|v| v.shape[1]).sum();
            let data = inputs.iter().flat_map(|v| v.data.clone());
            Value::new(&shape, data.collect())
        }
        "MatMul" => matmul(x, inputs[1]),
        "Conv" => conv(node, x, inputs[1], inputs.get(2).copied()),
        "QuantizeLinear" => {
            let (low, high) = match inputs[2].data_type {
                DataType::U8 => (0.0, 255.0),
                _ => (-128.0, 127.0),
            };
            Value {
                data_type: inputs[2].data_type,
                ..lines(node, inputs, |v, scale, zero| {
                    let q = f64::from((v as f32 / scale as f32).round_ties_even());
                    (q + zero).clamp(low, high)
                })
            }
        }
        "DequantizeLinear" => lines(node, inputs, |v, scale, zero| (v - zero) * scale),
        other => panic!("no {other} here"),
    }
}

fn lines(node: &Node, inputs: &[&Value], each: impl Fn(f64, f64, f64) -> f64) -> Value {
    let (x, scales, zeros) = (inputs[0], inputs[1], inputs[2]);
    assert_eq!(scales.shape, zeros.shape);
    let (inner, count) = match scales.shape.as_slice() {
        [] => (1, 1),
        [count] => {
            let axis = axis(node, x.shape.len(), 1);
            assert_eq!(x.shape[axis], *count);
            (x.shape[axis + 1..].iter().product::<usize>(), *count)
        }
        other => panic!("scales of shape {other:?}"),
    };
    let line = |(i, v): (usize, &f64)| {
        let channel = i / inner % count;
        each(*v, scales.data[channel], zeros.data[channel])
    };
    Value::new(&x.shape, x.data.iter().enumerate().map(line).collect())
}

/// The second matrix is the same for all, or there is one for each.
fn matmul(a: &Value, b: &Value) -> Value {
    let (k, n) = (b.shape[b.shape.len() - 2], b.shape[b.shape.len() - 1]);
    let rows = a.data.len() / k;
    let per_matrix = a.shape[a.shape.len() - 2];
    let mut data = vec![0.0; rows * n];
    for row in 0..rows {
        let start = if b.shape.len() == 2 {
            0
        } else {
            row / per_matrix * k * n
        };
        for column in 0..n {
            let products = (0..k).map(|i| a.data[row * k + i] * b.data[start + i * n + column]);
            data[row * n + column] = products.sum();
        }
    }
    let mut shape = a.shape.clone();
    *shape.last_mut().unwrap() = n;
    Value::new(&shape, data)
}

/// One image, stride 1, kernels of 3 by 3 with a border of 1.
fn conv(node: &Node, x: &Value, w: &Value, bias: Option<&Value>) -> Value {
    assert_eq!(ints(node, "pads").unwrap(), [1; 4]);
    let (&[1, from, height, width], &[to, per, 3, 3]) = (x.shape.as_slice(), w.shape.as_slice())
    else {
        panic!("{:?} {:?}", x.shape, w.shape)
    };
    assert_eq!(from, per);
    let mut data = Vec::with_capacity(to * height * width);
    for channel in 0..to {
        for at in 0..height * width {
            let mut sum = bias.map_or(0.0, |bias| bias.data[channel]);
            for tap in 0..from * 9 {
                let (c, dy, dx) = (tap / 9, tap / 3 % 3, tap % 3);
                let (y, x_) = (
                    (at / width + dy).wrapping_sub(1),
                    (at % width + dx).wrapping_sub(1),
                );
                if y < height && x_ < width {
                    let value = x.data[(c * height + y) * width + x_];
                    sum += value * w.data[channel * from * 9 + tap];
                }
            }
            data.push(sum);
        }
    }
    Value::new(&[1, to, height, width], data)
}
