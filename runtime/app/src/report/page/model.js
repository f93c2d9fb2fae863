// The report's data made ready for drawing: rows become boxes, times are found by bisection, points
// are unpacked when first drawn. Distances in m, angles in rad, times in ms from the beginning.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) made.append(child);
  return made;
}

function svgElement(tag, attributes) {
  const made = document.createElementNS(byId("svg").namespaceURI, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function box(row) {
  const [id, c, x, y, z, vx, vy, yaw, length, width, height, score, moving, missed, age] = row;
  return { id, class: data.classes[c] || "unknown", x: x / 100, y: y / 100, z: z / 100, vx: vx / 100, vy: vy / 100,
    yaw: yaw / 1000, length: length / 100, width: width / 100, height: height / 100, score, moving: !!moving, missed, age };
}
for (const list of [data.tracks, data.detections, data.truth]) for (const at of list) at.boxes = at.rows.map(box);

// Index of the last entry at or before t, -1 if there is none. `time` reads an entry's time.
const entryTime = (entry) => entry.t;
const rowTime = (row) => row[0];
function before(list, t, time) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time(list[middle]) <= t) low = middle + 1; else high = middle;
  }
  return low - 1;
}
function nearest(list, t, time) {
  const i = before(list, t, time);
  if (i < 0) return list.length ? 0 : -1;
  return i + 1 < list.length && time(list[i + 1]) - t < t - time(list[i]) ? i + 1 : i;
}

// What is drawn stays for this long after its instant: a little more than the thinned spacing.
function hold(list) {
  const gaps = list.slice(1).map((entry, i) => entry.t - list[i].t).filter((gap) => gap > 0).sort((a, b) => a - b);
  return Math.max(300, 2.5 * (gaps[gaps.length >> 1] || 0));
}
const tracksHold = hold(data.tracks), detectionsHold = hold(data.detections), truthHold = hold(data.truth);
function current(list, t, holdMs) {
  const i = before(list, t, entryTime);
  return i >= 0 && t - list[i].t <= holdMs ? list[i] : null;
}
const tracksAt = (t) => current(data.tracks, t, tracksHold);
// The last detections of each radar.
function detectionsAt(t) {
  const boxes = [], seen = new Set();
  for (let i = before(data.detections, t, entryTime); i >= 0 && t - data.detections[i].t <= detectionsHold; i--) {
    const { sensor, boxes: found } = data.detections[i];
    if (!seen.has(sensor)) { seen.add(sensor); boxes.push(...found); }
  }
  return boxes;
}
const truthAt = (t) => current(data.truth, t, truthHold);

const cloudsOf = data.radars.map((_, radar) => data.clouds.filter((cloud) => cloud.radar === radar));
const cloudHold = cloudsOf.map(hold);
const cloudsAt = (t) => cloudsOf.map((list, radar) => current(list, t, cloudHold[radar])).filter((cloud) => cloud);

// Points of a scan in the vehicle frame: x, y, z, range rate (NaN unknown), RCS (NaN unknown), label.
function points(cloud) {
  if (cloud.unpacked) return cloud.unpacked;
  const text = atob(cloud.data), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const view = new DataView(bytes.buffer), n = Math.floor(bytes.length / 10), out = new Float32Array(n * 6);
  const m = data.radars[cloud.radar].vehicle_from_sensor || [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
  for (let i = 0; i < n; i++) {
    const o = i * 10, x = view.getInt16(o, true) / 50, y = view.getInt16(o + 2, true) / 50, z = view.getInt16(o + 4, true) / 50;
    const rate = view.getInt16(o + 6, true), rcs = view.getInt8(o + 8);
    out[i * 6] = m[0] * x + m[1] * y + m[2] * z + m[3];
    out[i * 6 + 1] = m[4] * x + m[5] * y + m[6] * z + m[7];
    out[i * 6 + 2] = m[8] * x + m[9] * y + m[10] * z + m[11];
    out[i * 6 + 3] = rate === -32768 ? NaN : rate / 100;
    out[i * 6 + 4] = rcs === -128 ? NaN : rcs;
    out[i * 6 + 5] = view.getUint8(o + 9);
  }
  return (cloud.unpacked = out);
}

// The vehicle's motion and dead-reckoned pose at t, between samples; null without any.
function egoAt(t) {
  const list = data.ego, i = before(list, t, rowTime);
  if (!list.length) return null;
  const a = list[Math.max(0, i)], b = list[Math.min(list.length - 1, i + 1)];
  const f = b[0] > a[0] ? Math.min(1, Math.max(0, (t - a[0]) / (b[0] - a[0]))) : 0;
  const turn = Math.atan2(Math.sin((b[6] - a[6]) / 1e4), Math.cos((b[6] - a[6]) / 1e4));
  return { speed: (a[1] + f * (b[1] - a[1])) / 1000, yawRate: (a[2] + f * (b[2] - a[2])) / 1e4, observed: !!a[3],
    x: (a[4] + f * (b[4] - a[4])) / 100, y: (a[5] + f * (b[5] - a[5])) / 100, yaw: a[6] / 1e4 + f * turn };
}
const hasOdometry = data.ego.some((row) => row[4] || row[5]);
// Moves a point of the vehicle frame of one instant into that of another.
function carry(point, from, to) {
  if (!from || !to) return point;
  const [cf, sf, ct, st] = [Math.cos(from.yaw), Math.sin(from.yaw), Math.cos(to.yaw), Math.sin(to.yaw)];
  const dx = from.x + cf * point[0] - sf * point[1] - to.x, dy = from.y + sf * point[0] + cf * point[1] - to.y;
  return [ct * dx + st * dy, -st * dx + ct * dy];
}

// Positions of each track over time, for trails.
const trailOf = new Map();
for (const at of data.tracks) for (const b of at.boxes) {
  if (!trailOf.has(b.id)) trailOf.set(b.id, []);
  trailOf.get(b.id).push({ t: at.t, x: b.x, y: b.y });
}

const classColour = { car: "#53b7ff", truck: "#ffb454", cyclist: "#6fe0a0", pedestrian: "#ff7aa8", unknown: "#b9c4d0" };
const colourOf = (name) => classColour[name] || classColour.unknown;
const pointColour = { moving: "#ff8a5c", stationary: "#7fa0bf", invalid: "#465566", unknown: "#a3b7cb" };
function ramp(f) {
  // Blue (approaching) over grey to red (receding).
  const g = Math.max(-1, Math.min(1, f)), mix = (a, b, u) => Math.round(a + (b - a) * u);
  const end = g < 0 ? [70, 160, 255] : [255, 95, 85], u = Math.pow(Math.abs(g), 0.7);
  return `rgb(${mix(120, end[0], u)},${mix(130, end[1], u)},${mix(142, end[2], u)})`;
}

const number = (value, digits = 0) => Number.isFinite(value) ? value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }) : "–";
function bytesText(bytes) {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 1024]]) if (bytes >= size) return `${number(bytes / size, 1)} ${unit}`;
  return `${number(bytes)} B`;
}
function timeText(ms, digits = 2) {
  const s = Math.abs(ms) / 1000, sign = ms < 0 ? "−" : "", pad = (v, w) => v.padStart(w, "0");
  const seconds = (s % 60).toFixed(digits), minutes = Math.floor(s / 60);
  return minutes >= 60 ? `${sign}${Math.floor(minutes / 60)}:${pad(String(minutes % 60), 2)}:${pad(seconds, digits ? 3 + digits : 2)}`
    : `${sign}${minutes}:${pad(seconds, digits ? 3 + digits : 2)}`;
}
const shortTime = (ms) => data.duration_ms < 60000 ? `${+(ms / 1000).toFixed(1)} s` : timeText(ms, 0);

// A canvas at the device's resolution; gives its context and size in CSS pixels.
function surface(canvas) {
  const width = canvas.clientWidth, height = canvas.clientHeight, ratio = Math.min(3, window.devicePixelRatio || 1);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  return { c, width, height };
}
const font = (size, weight = 400) => `${weight} ${size}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;

const state = { t: 0, playing: false, speed: 1, colour: "motion", truth: true, detections: !data.tracks.some((at) => at.boxes.length), labels: true, picked: null, camera: 0, pointsInPicture: false };
