//! The encoder, the splat and the stem as a sequence of kernels.

use crate::device::{Argument, Device};
use drafthorse_gaussian::{Feeder, POINT, Settings, WeightsError, array};

/// Points that the arrays have room for at first.
const ROOM: usize = 1024;

/// Why a detector's front cannot run on a device.
#[derive(Debug, thiserror::Error)]
pub enum FrontError<E: std::error::Error + Send + Sync + 'static> {
    /// The weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A model that moves Gaussians off their points: their order is known only after the encoder.
    #[error("the model's max_offset_m is above 0, which runs on the processor only")]
    Offset,
    /// The device.
    #[error("{0}")]
    Device(E),
}

/// A layer's weight and bias.
struct Dense<B> {
    weight: B,
    bias: B,
    inputs: usize,
    outputs: usize,
}

/// Arrays of a scan, with room for `room` points.
struct Scan<B> {
    room: usize,
    positions: B,
    features: B,
    near: B,
    local: B,
    x: B,
    normed: B,
    query: B,
    key: B,
    value: B,
    scores: B,
    mixed: B,
    projected: B,
    hidden: B,
    joined: B,
    head: B,
    ellipses: B,
}

/// What stands before the network, on a device.
pub struct Front<D: Device> {
    device: D,
    settings: Settings,
    mean: Vec<f32>,
    std: Vec<f32>,
    layers: Layers<D::Array>,
    scan: Scan<D::Array>,
    view: D::Array,
    stem_out: D::Array,
    stem_channels: usize,
    /// Points of the scan, highest first, and their rows for the device.
    order: Vec<[f32; POINT]>,
    positions: Vec<f32>,
    features: Vec<f32>,
}

struct Layers<B> {
    local: Dense<B>,
    embed: Dense<B>,
    norm_attention: [B; 2],
    query: Dense<B>,
    key: Dense<B>,
    value: Dense<B>,
    project: Dense<B>,
    norm_feed: [B; 2],
    feed_in: Dense<B>,
    feed_out: Dense<B>,
    head: Dense<B>,
    stem: Dense<B>,
}

impl<D: Device> Front<D> {
    /// Of the bytes of `encoder.safetensors`, whose settings those are.
    ///
    /// # Errors
    /// [`FrontError`].
    pub fn new(
        mut device: D,
        bytes: &[u8],
        settings: &Settings,
    ) -> Result<Self, FrontError<D::Error>> {
        if settings.max_offset_m > 0.0 {
            return Err(FrontError::Offset);
        }
        let (f, c) = (settings.features.len(), settings.channels);
        let mut upload = |name: &str, shape: &[usize]| {
            let numbers = array(bytes, name, shape)?;
            let mut to = device.zeros(numbers.len()).map_err(FrontError::Device)?;
            device
                .write(&numbers, &mut to)
                .map_err(FrontError::Device)?;
            Ok::<_, FrontError<D::Error>>(to)
        };
        let mut dense = |name: &str, inputs: usize, outputs: usize| {
            Ok::<_, FrontError<D::Error>>(Dense {
                weight: upload(&format!("{name}.weight"), &[outputs, inputs])?,
                bias: upload(&format!("{name}.bias"), &[outputs])?,
                inputs,
                outputs,
            })
        };
        let local = dense("local.linear", f + 3, c)?;
        let embed = dense("whole.embed", f, c)?;
        let query = dense("whole.query", c, c)?;
        let key = dense("whole.key", c, c)?;
        let value = dense("whole.value", c, c)?;
        let project = dense("whole.project", c, c)?;
        let feed_in = dense("whole.feed_in", c, 2 * c)?;
        let feed_out = dense("whole.feed_out", 2 * c, c)?;
        let head = dense("head", 3 + f + 2 * c, 11 + c)?;
        let mut norm = |name: &str| {
            Ok::<_, FrontError<D::Error>>([
                upload(&format!("{name}.weight"), &[c])?,
                upload(&format!("{name}.bias"), &[c])?,
            ])
        };
        let norm_attention = norm("whole.norm_attention")?;
        let norm_feed = norm("whole.norm_feed")?;
        let stem_channels = drafthorse_gaussian::Stem::read(bytes, settings)?.shape()[0];
        let stem = Dense {
            weight: upload("stem.weight", &[stem_channels, c, 3, 3])?,
            bias: upload("stem.bias", &[stem_channels])?,
            inputs: c,
            outputs: stem_channels,
        };
        let layers = Layers {
            local,
            embed,
            norm_attention,
            query,
            key,
            value,
            project,
            norm_feed,
            feed_in,
            feed_out,
            head,
            stem,
        };
        let grid = &settings.grid;
        let out = stem_channels * grid.height.div_ceil(2) * grid.width.div_ceil(2);
        let view = device.zeros(c * grid.cells()).map_err(FrontError::Device)?;
        let stem_out = device.zeros(out).map_err(FrontError::Device)?;
        let scan = Scan::new(&mut device, ROOM, f, c).map_err(FrontError::Device)?;
        Ok(Self {
            device,
            settings: settings.clone(),
            mean: array(bytes, "input.mean", &[f])?,
            std: array(bytes, "input.std", &[f])?,
            layers,
            scan,
            view,
            stem_out,
            stem_channels,
            order: Vec::new(),
            positions: Vec::new(),
            features: Vec::new(),
        })
    }

    /// Writes the network's input for a scan.
    ///
    /// # Errors
    /// The device's.
    pub fn feed(&mut self, points: &[[f32; POINT]], input: &mut [f32]) -> Result<(), D::Error> {
        let count = self.take(points)?;
        self.encode(count)?;
        self.splat(count)?;
        self.device.read(&self.stem_out, input)
    }

    /// The bird's-eye view of the last scan, `[channels, height, width]`.
    ///
    /// # Errors
    /// The device's.
    pub fn view(&mut self, to: &mut [f32]) -> Result<(), D::Error> {
        self.device.read(&self.view, to)
    }

    /// Takes the points that lie in the grid, highest first, normalised; gives how many there are.
    fn take(&mut self, points: &[[f32; POINT]]) -> Result<usize, D::Error> {
        let settings = &self.settings;
        let is_taken = |p: &&[f32; POINT]| settings.is_in_grid(p) && settings.is_whole(p);
        self.order.clear();
        let taken = points.iter().filter(is_taken);
        self.order
            .extend(taken.take(drafthorse_gaussian::MOST_POINTS));
        // Both zeros are one height.
        self.order
            .sort_by(|a, b| (b[2] + 0.0).total_cmp(&(a[2] + 0.0)));
        self.positions.clear();
        self.features.clear();
        for point in &self.order {
            self.positions.extend_from_slice(&point[..3]);
            let moments = self.mean.iter().zip(&self.std);
            for (&place, (mean, std)) in self.settings.features.iter().zip(moments) {
                self.features.push((point[place] - mean) / std);
            }
        }
        let count = self.order.len();
        if count > self.scan.room {
            let (f, c) = (self.settings.features.len(), self.settings.channels);
            self.scan = Scan::new(&mut self.device, count.next_power_of_two(), f, c)?;
        }
        self.device
            .write(&self.positions, &mut self.scan.positions)?;
        self.device.write(&self.features, &mut self.scan.features)?;
        Ok(count)
    }

    fn encode(&mut self, n: usize) -> Result<(), D::Error> {
        let (f, c) = (self.settings.features.len(), self.settings.channels);
        let (l, s, d) = (&self.layers, &self.scan, &mut self.device);
        let radius2 = self.settings.neighbour_radius_m.powi(2);
        d.launch(
            "neighbours",
            n,
            &[
                whole(n),
                whole(f),
                Argument::Number(radius2),
                Argument::Array(&s.positions),
                Argument::Array(&s.features),
                Argument::Array(&s.near),
            ],
        )?;
        dense(d, n, &l.local, &s.near, &s.local)?;
        dense(d, n, &l.embed, &s.features, &s.x)?;
        norm(d, n, c, &l.norm_attention, &s.x, &s.normed)?;
        dense(d, n, &l.query, &s.normed, &s.query)?;
        dense(d, n, &l.key, &s.normed, &s.key)?;
        dense(d, n, &l.value, &s.normed, &s.value)?;
        let pairs = [&s.query, &s.key, &s.scores].map(Argument::Array);
        d.launch("scores", n * n, &joined(&[whole(n), whole(c)], &pairs))?;
        d.launch("softmax", n, &[whole(n), Argument::Array(&s.scores)])?;
        let mixed = [&s.scores, &s.value, &s.mixed].map(Argument::Array);
        d.launch("mix", n * c, &joined(&[whole(n), whole(c)], &mixed))?;
        dense(d, n, &l.project, &s.mixed, &s.projected)?;
        add(d, n * c, &s.projected, &s.x)?;
        norm(d, n, c, &l.norm_feed, &s.x, &s.normed)?;
        dense(d, n, &l.feed_in, &s.normed, &s.hidden)?;
        let hidden = n * 2 * c;
        d.launch("gelu", hidden, &[whole(hidden), Argument::Array(&s.hidden)])?;
        dense(d, n, &l.feed_out, &s.hidden, &s.projected)?;
        add(d, n * c, &s.projected, &s.x)?;
        let rows = [&s.positions, &s.features, &s.local, &s.x, &s.joined].map(Argument::Array);
        let range = Argument::Number(self.settings.range_scale_m);
        let sizes = [whole(n), whole(f), whole(c), range];
        d.launch("join", n, &joined(&sizes, &rows))?;
        dense(d, n, &l.head, &s.joined, &s.head)
    }

    fn splat(&mut self, n: usize) -> Result<(), D::Error> {
        let (settings, s, d) = (&self.settings, &self.scan, &mut self.device);
        let (grid, c) = (&settings.grid, settings.channels);
        let stride = whole(11 + c);
        let sizes = [
            whole(n),
            stride,
            Argument::Number(grid.x_min_m),
            Argument::Number(grid.y_min_m),
            Argument::Number(grid.cell_m),
            Argument::Number(settings.max_scale_m),
            Argument::Whole(i32::from(settings.learned_opacity)),
            Argument::Number(settings.screen_variance_px2),
            Argument::Number(settings.alpha_min),
        ];
        let arrays = [&s.positions, &s.head, &s.ellipses].map(Argument::Array);
        d.launch("ellipses", n, &joined(&sizes, &arrays))?;
        let sizes = [
            whole(n),
            whole(c),
            stride,
            whole(grid.width),
            whole(grid.height),
            Argument::Number(settings.alpha_max),
            Argument::Number(settings.alpha_min),
            Argument::Number(settings.stop),
        ];
        let arrays = [&s.ellipses, &s.head, &self.view].map(Argument::Array);
        d.launch("blend", grid.cells(), &joined(&sizes, &arrays))?;
        let stem = &self.layers.stem;
        let threads = self.stem_channels * grid.height.div_ceil(2) * grid.width.div_ceil(2);
        let sizes = [c, self.stem_channels, grid.width, grid.height].map(whole);
        let arrays = [&self.view, &stem.weight, &stem.bias, &self.stem_out];
        d.launch(
            "stem",
            threads,
            &joined(&sizes, &arrays.map(Argument::Array)),
        )
    }
}

impl<D> Feeder for Front<D>
where
    D: Device + Send,
    D::Array: Send,
{
    fn feed(&mut self, points: &[[f32; POINT]], input: &mut [f32]) -> Result<(), String> {
        Front::feed(self, points, input).map_err(|error| error.to_string())
    }
}

impl<B> Scan<B> {
    fn new<D: Device<Array = B>>(
        device: &mut D,
        room: usize,
        f: usize,
        c: usize,
    ) -> Result<Self, D::Error> {
        let mut rows = |width: usize| device.zeros(room * width);
        Ok(Self {
            room,
            positions: rows(3)?,
            features: rows(f)?,
            near: rows(f + 3)?,
            local: rows(c)?,
            x: rows(c)?,
            normed: rows(c)?,
            query: rows(c)?,
            key: rows(c)?,
            value: rows(c)?,
            scores: rows(room)?,
            mixed: rows(c)?,
            projected: rows(c)?,
            hidden: rows(2 * c)?,
            joined: rows(3 + f + 2 * c)?,
            head: rows(11 + c)?,
            ellipses: rows(8)?,
        })
    }
}

fn whole<'a, B>(number: usize) -> Argument<'a, B> {
    Argument::Whole(number as i32)
}

fn joined<'a, B>(a: &[Argument<'a, B>], b: &[Argument<'a, B>]) -> Vec<Argument<'a, B>> {
    [a, b].concat()
}

fn dense<D: Device>(
    device: &mut D,
    rows: usize,
    layer: &Dense<D::Array>,
    x: &D::Array,
    y: &D::Array,
) -> Result<(), D::Error> {
    let sizes = [whole(rows), whole(layer.inputs), whole(layer.outputs)];
    let arrays = [x, &layer.weight, &layer.bias, y].map(Argument::Array);
    device.launch("dense", rows * layer.outputs, &joined(&sizes, &arrays))
}

fn norm<D: Device>(
    device: &mut D,
    rows: usize,
    c: usize,
    [gain, shift]: &[D::Array; 2],
    x: &D::Array,
    y: &D::Array,
) -> Result<(), D::Error> {
    let arrays = [x, gain, shift, y].map(Argument::Array);
    device.launch(
        "layer_norm",
        rows,
        &joined(&[whole(rows), whole(c)], &arrays),
    )
}

fn add<D: Device>(
    device: &mut D,
    count: usize,
    x: &D::Array,
    y: &D::Array,
) -> Result<(), D::Error> {
    let arrays = [x, y].map(Argument::Array);
    device.launch("add", count, &joined(&[whole(count)], &arrays))
}
