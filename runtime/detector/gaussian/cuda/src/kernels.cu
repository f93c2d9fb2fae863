// The encoder, the splat and the stem of the Gaussian radar detector. One thread makes one element of
// the result and none waits for another; rows are points, highest first.

#define THREAD (blockIdx.x * blockDim.x + threadIdx.x)

// near[i] = mean over the neighbours j of point i of [f_j, p_j - p_i], a thread a point.
extern "C" __global__ void neighbours(int n, int width, float radius2, const float *p,
                                      const float *f, float *near) {
    int i = THREAD;
    if (i >= n) return;
    float *out = near + i * (width + 3);
    for (int k = 0; k < width + 3; ++k) out[k] = 0.0f;
    float count = 0.0f;
    for (int j = 0; j < n; ++j) {
        float dx = p[3 * j] - p[3 * i], dy = p[3 * j + 1] - p[3 * i + 1];
        float dz = p[3 * j + 2] - p[3 * i + 2];
        if (dx * dx + dy * dy + dz * dz > radius2) continue;
        for (int k = 0; k < width; ++k) out[k] += f[j * width + k];
        out[width] += dx;
        out[width + 1] += dy;
        out[width + 2] += dz;
        count += 1.0f;
    }
    for (int k = 0; k < width + 3; ++k) out[k] /= count;
}

// y = x W^T + b of `rows` rows, a thread an element.
extern "C" __global__ void dense(int rows, int inputs, int outputs, const float *x,
                                 const float *weight, const float *bias, float *y) {
    int at = THREAD;
    if (at >= rows * outputs) return;
    const float *row = x + at / outputs * inputs, *w = weight + at % outputs * inputs;
    float sum = bias[at % outputs];
    for (int k = 0; k < inputs; ++k) sum += row[k] * w[k];
    y[at] = sum;
}

// y = layer norm of the rows of x, a thread a row.
extern "C" __global__ void layer_norm(int rows, int c, const float *x, const float *gain,
                                      const float *shift, float *y) {
    int i = THREAD;
    if (i >= rows) return;
    float mean = 0.0f, variance = 0.0f;
    for (int k = 0; k < c; ++k) mean += x[i * c + k];
    mean /= c;
    for (int k = 0; k < c; ++k) variance += (x[i * c + k] - mean) * (x[i * c + k] - mean);
    float scale = 1.0f / sqrtf(variance / c + 1e-5f);
    for (int k = 0; k < c; ++k) y[i * c + k] = (x[i * c + k] - mean) * scale * gain[k] + shift[k];
}

// s = q k^T / sqrt(c), a thread an element.
extern "C" __global__ void scores(int n, int c, const float *q, const float *k, float *s) {
    int at = THREAD;
    if (at >= n * n) return;
    const float *a = q + at / n * c, *b = k + at % n * c;
    float sum = 0.0f;
    for (int i = 0; i < c; ++i) sum += a[i] * b[i];
    s[at] = sum / sqrtf((float)c);
}

// Each row of s becomes shares of 1, a thread a row.
extern "C" __global__ void softmax(int n, float *s) {
    int i = THREAD;
    if (i >= n) return;
    float *row = s + i * n, most = row[0], sum = 0.0f;
    for (int j = 1; j < n; ++j) most = fmaxf(most, row[j]);
    for (int j = 0; j < n; ++j) sum += row[j] = expf(row[j] - most);
    for (int j = 0; j < n; ++j) row[j] /= sum;
}

// y = s v, a thread an element.
extern "C" __global__ void mix(int n, int c, const float *s, const float *v, float *y) {
    int at = THREAD;
    if (at >= n * c) return;
    const float *row = s + at / c * n;
    float sum = 0.0f;
    for (int j = 0; j < n; ++j) sum += row[j] * v[j * c + at % c];
    y[at] = sum;
}

// y += x.
extern "C" __global__ void add(int count, const float *x, float *y) {
    int at = THREAD;
    if (at < count) y[at] += x[at];
}

// GELU in its tanh form, in place.
extern "C" __global__ void gelu(int count, float *x) {
    int at = THREAD;
    if (at >= count) return;
    float h = x[at];
    x[at] = 0.5f * h * (1.0f + tanhf(0.7978845608f * (h + 0.044715f * h * h * h)));
}

// The head's rows: [direction 3, f, local, whole], a thread a point.
extern "C" __global__ void join(int n, int width, int c, float range_scale, const float *p,
                                const float *f, const float *local, const float *whole,
                                float *y) {
    int i = THREAD;
    if (i >= n) return;
    float *row = y + i * (3 + width + 2 * c);
    float px = p[3 * i], py = p[3 * i + 1], pz = p[3 * i + 2];
    float range = fmaxf(sqrtf(px * px + py * py + pz * pz), 1e-6f);
    row[0] = range / range_scale;
    row[1] = atan2f(py, px);
    row[2] = acosf(pz / range);
    for (int k = 0; k < width; ++k) row[3 + k] = f[i * width + k];
    for (int k = 0; k < c; ++k) row[3 + width + k] = local[i * c + k];
    for (int k = 0; k < c; ++k) row[3 + width + c + k] = whole[i * c + k];
}

// From the head's rows to Gaussians on the grid, in cells: u, v, inverse covariance uu uv vv, opacity,
// reach along u and v. A thread a point.
extern "C" __global__ void ellipses(int n, int stride, float x_min, float y_min, float cell,
                                    float max_scale, int learned_opacity, float screen_variance,
                                    float alpha_min, const float *p, const float *head,
                                    float *out) {
    int i = THREAD;
    if (i >= n) return;
    const float *row = head + i * stride;
    float spread[3];
    for (int k = 0; k < 3; ++k) spread[k] = max_scale / (1.0f + expf(-row[3 + k])) / cell;
    float length = 0.0f;
    for (int k = 6; k < 10; ++k) length += row[k] * row[k];
    length = fmaxf(sqrtf(length), 1e-12f);
    float w = row[6] / length, x = row[7] / length, y = row[8] / length, z = row[9] / length;
    float opacity = learned_opacity ? 1.0f / (1.0f + expf(-row[10])) : 1.0f;
    float a[3] = {1.0f - 2.0f * (y * y + z * z), 2.0f * (x * y - w * z), 2.0f * (x * z + w * y)};
    float b[3] = {2.0f * (x * y + w * z), 1.0f - 2.0f * (x * x + z * z), 2.0f * (y * z - w * x)};
    float uu = screen_variance, uv = 0.0f, vv = screen_variance;
    for (int k = 0; k < 3; ++k) {
        a[k] *= spread[k];
        b[k] *= spread[k];
        uu += a[k] * a[k];
        uv += a[k] * b[k];
        vv += b[k] * b[k];
    }
    float determinant = uu * vv - uv * uv, ratio = opacity / alpha_min;
    float reach = ratio > 1.0f ? sqrtf(2.0f * logf(ratio)) : 0.0f;
    float *to = out + 8 * i;
    to[0] = (p[3 * i] - x_min) / cell - 0.5f;
    to[1] = (p[3 * i + 1] - y_min) / cell - 0.5f;
    to[2] = vv / determinant;
    to[3] = -uv / determinant;
    to[4] = uu / determinant;
    to[5] = opacity;
    to[6] = reach * sqrtf(uu) + 1e-3f;
    to[7] = reach * sqrtf(vv) + 1e-3f;
}

// Blends the Gaussians, highest first, into view [c, height, width], a thread a cell.
extern "C" __global__ void blend(int n, int c, int stride, int width, int height,
                                 float alpha_max, float alpha_min, float stop,
                                 const float *ellipse, const float *head, float *view) {
    int cell = THREAD;
    if (cell >= width * height) return;
    for (int k = 0; k < c; ++k) view[k * width * height + cell] = 0.0f;
    float column = (float)(cell % width), row = (float)(cell / width), through = 1.0f;
    for (int i = 0; i < n; ++i) {
        const float *e = ellipse + 8 * i;
        float du = column - e[0], dv = row - e[1];
        if (fabsf(du) > e[6] || fabsf(dv) > e[7]) continue;
        float power = -0.5f * (e[2] * du * du + e[4] * dv * dv) - e[3] * du * dv;
        float alpha = fminf(e[5] * expf(power), alpha_max);
        if (!(alpha >= alpha_min)) continue;
        float after = through * (1.0f - alpha);
        if (after < stop) return;
        float weight = alpha * through;
        through = after;
        const float *features = head + i * stride + 11;
        for (int k = 0; k < c; ++k) view[k * width * height + cell] += features[k] * weight;
    }
}

// The first convolution, 3x3 with stride 2 and padding 1, and its ReLU, a thread an element.
extern "C" __global__ void stem(int c, int channels, int width, int height, const float *view,
                                const float *weight, const float *bias, float *out) {
    int columns = (width + 1) / 2, rows = (height + 1) / 2;
    int at = THREAD;
    if (at >= channels * rows * columns) return;
    int channel = at / (rows * columns), row = at / columns % rows, column = at % columns;
    float sum = bias[channel];
    for (int k = 0; k < c; ++k) {
        for (int tap = 0; tap < 9; ++tap) {
            int y = 2 * row + tap / 3 - 1, x = 2 * column + tap % 3 - 1;
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            sum += weight[(channel * c + k) * 9 + tap] * view[(k * height + y) * width + x];
        }
    }
    out[at] = fmaxf(sum, 0.0f);
}
