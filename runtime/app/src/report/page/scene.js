// The bird's-eye view: x up, y left, the vehicle near the bottom.
const sceneCanvas = byId("scene");
const view = { scale: 0, x: 0, y: 0 };

// Range that holds most of what is seen ahead.
const reach = (() => {
  const far = [];
  const seen = data.tracks.some((at) => at.boxes.length) ? data.tracks : data.detections;
  for (const list of [seen, data.truth]) for (const at of list) for (const b of at.boxes) far.push(Math.hypot(b.x, b.y));
  if (!far.length) for (const cloud of data.clouds.slice(0, 40)) { const p = points(cloud); for (let i = 0; i < p.length; i += 6) far.push(Math.hypot(p[i], p[i + 1])); }
  far.sort((a, b) => a - b);
  return Math.min(160, Math.max(45, far[Math.floor(far.length * 0.9)] || 70));
})();

function resetView() {
  const width = sceneCanvas.clientWidth, height = sceneCanvas.clientHeight;
  view.scale = Math.max(1.2, (height * 0.88) / (reach + 9));
  view.x = width / 2;
  view.y = height - 9 * view.scale - 8;
}
const toScreen = (x, y) => [view.x - y * view.scale, view.y - x * view.scale];

function corners(b) {
  const [c, s] = [Math.cos(b.yaw), Math.sin(b.yaw)];
  return [[1, 1], [1, -1], [-1, -1], [-1, 1]].map(([i, j]) => {
    const u = i * b.length / 2, v = j * b.width / 2;
    return [b.x + c * u - s * v, b.y + s * u + c * v];
  });
}
function path(c, list, close) {
  c.beginPath();
  list.forEach(([x, y], i) => { const [px, py] = toScreen(x, y); if (i) c.lineTo(px, py); else c.moveTo(px, py); });
  if (close) c.closePath();
}
function rounded(c, x, y, w, h, r) {
  c.beginPath(); c.moveTo(x + r, y); c.arcTo(x + w, y, x + w, y + h, r); c.arcTo(x + w, y + h, x, y + h, r); c.arcTo(x, y + h, x, y, r); c.arcTo(x, y, x + w, y, r); c.closePath();
}

function drawRings(c, width, height) {
  const step = [2, 5, 10, 20, 50, 100, 200, 500].find((s) => s * view.scale >= 58) || 1000;
  const far = Math.max(...[[0, 0], [width, 0], [0, height], [width, height]].map(([x, y]) => Math.hypot(x - view.x, y - view.y))) / view.scale;
  c.lineWidth = 1; c.font = font(11); c.textAlign = "left"; c.textBaseline = "middle";
  for (let r = step, n = 0; r < far && n < 60; r += step, n++) {
    c.strokeStyle = n % 5 === 4 ? "#22303f" : "#19232e";
    c.beginPath(); c.arc(view.x, view.y, r * view.scale, 0, 2 * Math.PI); c.stroke();
  }
  c.strokeStyle = "#172029";
  c.beginPath(); c.moveTo(view.x, 0); c.lineTo(view.x, height); c.moveTo(0, view.y); c.lineTo(width, view.y); c.stroke();
  c.fillStyle = "#6d7f92";
  for (let r = step, n = 0; r < far && n < 60; r += step, n++) {
    const py = view.y - r * view.scale * Math.cos(0.5), px = view.x + r * view.scale * Math.sin(0.5);
    if (px < width - 34 && py > 10) c.fillText(`${r} m`, px + 4, py);
  }
}

function drawEgo(c, now) {
  if (hasOdometry && now) {
    const first = Math.max(0, before(data.ego, state.t - 6000, rowTime)), last = Math.min(data.ego.length - 1, before(data.ego, state.t + 6000, rowTime));
    const at = (row) => carry([0, 0], { x: row[4] / 100, y: row[5] / 100, yaw: row[6] / 1e4 }, now);
    const rows = data.ego.slice(first, last + 1);
    for (const [part, style] of [[rows.filter((row) => row[0] <= state.t), "#2f6f9c66"], [rows.filter((row) => row[0] >= state.t), "#53b7ff2c"]]) {
      path(c, part.map(at), false);
      c.strokeStyle = style; c.lineWidth = Math.max(2, 1.2 * view.scale * 0.4); c.lineJoin = "round"; c.stroke();
    }
  }
  const [length, width, rear] = data.footprint_m;
  const front = length - rear, taper = width * 0.34;
  path(c, [[-rear, width / 2], [front * 0.82, width / 2], [front, taper], [front, -taper], [front * 0.82, -width / 2], [-rear, -width / 2]], true);
  c.fillStyle = "#dfe9f3"; c.fill();
  c.strokeStyle = "#0a0e13"; c.lineWidth = 1; c.stroke();
  path(c, [[front * 0.35, width * 0.36], [front * 0.62, width * 0.3], [front * 0.62, -width * 0.3], [front * 0.35, -width * 0.36]], true);
  c.fillStyle = "#49617a"; c.fill();
}

function drawPoints(c, width, height) {
  const size = Math.max(2, Math.min(3.6, view.scale * 0.3));
  const drawn = (px, py) => px > -4 && py > -4 && px < width + 4 && py < height + 4;
  for (const cloud of cloudsAt(state.t)) {
    const p = points(cloud);
    for (let pass = 0; pass < 2; pass++) for (let i = 0; i < p.length; i += 6) {
      const moving = p[i + 5] === 2;
      if (moving !== (pass === 1)) continue;
      const [px, py] = toScreen(p[i], p[i + 1]);
      if (!drawn(px, py)) continue;
      c.fillStyle = colourOfPoint(p, i);
      const s = moving ? size * 1.25 : size;
      c.fillRect(px - s / 2, py - s / 2, s, s);
    }
  }
}
function colourOfPoint(p, i) {
  if (state.colour === "doppler" && Number.isFinite(p[i + 3])) return ramp(p[i + 3] / 20);
  if (state.colour === "rcs" && Number.isFinite(p[i + 4])) return `hsl(${200 - 5 * Math.max(-15, Math.min(30, p[i + 4]))} 75% 60%)`;
  if (p[i + 5] === 2) return pointColour.moving;
  return p[i + 5] === 1 ? pointColour.stationary : p[i + 5] === 0 ? pointColour.invalid : pointColour.unknown;
}

function drawTrack(c, b, now, taken) {
  const colour = colourOf(b.class), faded = b.missed > 0, picked = state.picked === b.id;
  const trail = trailOf.get(b.id) || [], end = before(trail, state.t, entryTime);
  const old = [];
  for (let i = end; i >= 0 && state.t - trail[i].t < 2500; i--) old.push(hasOdometry ? carry([trail[i].x, trail[i].y], egoAt(trail[i].t), now) : [trail[i].x, trail[i].y]);
  if (old.length > 1) { path(c, old, false); c.strokeStyle = colour + "70"; c.lineWidth = 1.6; c.lineJoin = "round"; c.stroke(); }
  const outline = corners(b);
  path(c, outline, true);
  c.fillStyle = colour + (faded ? "14" : b.moving ? "3c" : "22"); c.fill();
  c.strokeStyle = colour; c.globalAlpha = faded ? 0.6 : 1; c.lineWidth = picked ? 3 : 1.7; c.setLineDash(faded ? [4, 3] : []); c.stroke(); c.setLineDash([]);
  // Heading: a bar inside the front edge.
  const [cs, sn] = [Math.cos(b.yaw), Math.sin(b.yaw)];
  const nose = (u, v) => [b.x + cs * u - sn * v, b.y + sn * u + cs * v];
  path(c, [nose(b.length * 0.24, b.width / 2), nose(b.length / 2, 0), nose(b.length * 0.24, -b.width / 2)], false);
  c.lineWidth = 1.4; c.stroke();
  const speed = Math.hypot(b.vx, b.vy);
  if (b.moving && speed > 0.5) {
    const [x0, y0] = toScreen(b.x, b.y), [x1, y1] = toScreen(b.x + b.vx * 0.8, b.y + b.vy * 0.8), a = Math.atan2(y1 - y0, x1 - x0);
    c.beginPath(); c.moveTo(x0, y0); c.lineTo(x1, y1); c.moveTo(x1 - 7 * Math.cos(a - 0.45), y1 - 7 * Math.sin(a - 0.45)); c.lineTo(x1, y1); c.lineTo(x1 - 7 * Math.cos(a + 0.45), y1 - 7 * Math.sin(a + 0.45));
    c.lineWidth = 2; c.strokeStyle = colour; c.stroke();
  }
  c.globalAlpha = 1;
  if (!state.labels && !picked) return;
  const text = `${b.id} ${b.class === "unknown" ? "" : b.class}`.trim() + (b.moving ? ` ${number(speed * 3.6)} km/h` : "");
  c.font = font(11, 600); c.textAlign = "left"; c.textBaseline = "middle";
  const w = c.measureText(text).width + 10, on = outline.map(([x, y]) => toScreen(x, y));
  const right = Math.max(...on.map((p) => p[0])), left = Math.min(...on.map((p) => p[0])), middle = on.reduce((sum, p) => sum + p[1], 0) / 4;
  // Beside the box, on the side and at the height where no other label lies; else none.
  const places = [[right + 6, middle - 8], [left - 6 - w, middle - 8], [right + 6, middle - 26], [right + 6, middle + 10], [left - 6 - w, middle - 26], [left - 6 - w, middle + 10]];
  const free = places.find(([x, y]) => taken.every((o) => x + w < o[0] || o[0] + o[2] < x || y + 16 < o[1] || o[1] + 16 < y)) || (picked ? places[0] : null);
  if (!free) return;
  taken.push([free[0], free[1], w]);
  rounded(c, free[0], free[1], w, 16, 4);
  c.fillStyle = picked ? colour : "#0c1219d8"; c.fill();
  c.fillStyle = picked ? "#08111a" : colour; c.fillText(text, free[0] + 5, free[1] + 8.5);
}

function drawScene() {
  const { c, width, height } = surface(sceneCanvas);
  if (!view.scale) resetView();
  const now = egoAt(state.t);
  drawRings(c, width, height);
  drawPoints(c, width, height);
  const truth = state.truth && truthAt(state.t);
  if (truth) {
    c.setLineDash([3, 3]); c.lineWidth = 1.2;
    for (const b of truth.boxes) { path(c, corners(b), true); c.strokeStyle = b.score > 0 ? "#f4f7fa" : "#f4f7fa66"; c.stroke(); }
    c.setLineDash([]);
  }
  const found = state.detections ? detectionsAt(state.t) : [];
  if (found.length) {
    c.lineWidth = 1.4; c.font = font(11); c.textAlign = "left"; c.textBaseline = "middle";
    for (const b of found) {
      path(c, corners(b), true); c.strokeStyle = colourOf(b.class); c.stroke();
      const [x, y] = toScreen(b.x, b.y);
      if (state.labels && view.scale > 5) { c.fillStyle = colourOf(b.class); c.fillText(`${b.class} ${b.score}`, x + 0.5 * b.length * view.scale * Math.abs(Math.sin(b.yaw)) + 8, y); }
    }
  }
  drawEgo(c, now);
  const at = tracksAt(state.t), taken = [];
  const order = at ? [...at.boxes].sort((a, b) => (b.id === state.picked) - (a.id === state.picked) || b.moving - a.moving || Math.hypot(a.x, a.y) - Math.hypot(b.x, b.y)) : [];
  for (const b of order) drawTrack(c, b, now, taken);
  if (!at && !cloudsAt(state.t).length) {
    c.font = font(13); c.fillStyle = "#91a0b2"; c.textAlign = "center";
    c.fillText(data.tracks.length || data.clouds.length ? "Nothing was sensed at this instant" : "This log has no radar points and no tracks", width / 2, 40);
  }
  if (now) {
    c.font = font(13, 600); c.textAlign = "right"; c.textBaseline = "alphabetic"; c.fillStyle = "#dfe9f3";
    c.fillText(`${number(now.speed * 3.6, 1)} km/h`, width - 14, height - 32);
    c.font = font(12); c.fillStyle = "#91a0b2";
    c.fillText(`${number(now.yawRate * 180 / Math.PI, 1)} °/s${now.observed ? "" : ", predicted"}`, width - 14, height - 14);
  }
  drawPicked(at);
}

function drawPicked(at) {
  const card = byId("picked"), b = at && at.boxes.find((one) => one.id === state.picked);
  card.hidden = !b;
  if (!b) return;
  const pairs = [["Position", `${number(b.x, 1)}, ${number(b.y, 1)} m`], ["Range", `${number(Math.hypot(b.x, b.y), 1)} m`], ["Speed over ground", `${number(Math.hypot(b.vx, b.vy) * 3.6, 1)} km/h`],
    ["Heading", `${number(b.yaw * 180 / Math.PI)}°`], ["Size", `${number(b.length, 1)} × ${number(b.width, 1)} × ${number(b.height, 1)} m`], ["Score", `${b.score} %`], ["Age", `${b.age} scans`], ["Missed", `${b.missed} scans`]];
  card.replaceChildren(element("b", {}, `Track ${b.id}, ${b.class}`), element("dl", {}, pairs.map(([k, v]) => [element("dt", {}, k), element("dd", {}, v)])));
}

function zoom(factor, px, py) {
  const scale = Math.min(80, Math.max(0.6, view.scale * factor)), f = scale / view.scale;
  view.x = px - (px - view.x) * f; view.y = py - (py - view.y) * f; view.scale = scale;
  draw();
}
function pickAt(px, py) {
  const at = tracksAt(state.t);
  let best = null, distance = 28;
  for (const b of at ? at.boxes : []) {
    const [x, y] = toScreen(b.x, b.y), d = Math.max(0, Math.hypot(x - px, y - py) - b.length * view.scale / 2);
    if (d < distance) { best = b.id; distance = d; }
  }
  state.picked = best === state.picked ? null : best;
  draw();
}
(function wireScene() {
  const down = new Map();
  let moved = 0, spread = 0;
  const at = (event) => { const r = sceneCanvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
  const gap = () => { const [a, b] = [...down.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  sceneCanvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY * 0.0015), ...at(event)); }, { passive: false });
  sceneCanvas.addEventListener("pointerdown", (event) => { down.set(event.pointerId, at(event)); sceneCanvas.setPointerCapture(event.pointerId); moved = 0; if (down.size === 2) spread = gap(); });
  sceneCanvas.addEventListener("pointermove", (event) => {
    const last = down.get(event.pointerId);
    if (!last) return;
    const here = at(event);
    down.set(event.pointerId, here);
    moved += Math.abs(here[0] - last[0]) + Math.abs(here[1] - last[1]);
    if (down.size === 2) {
      const [a, b] = [...down.values()], wide = gap();
      if (spread > 0) zoom(wide / spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      spread = wide;
    } else if (moved > 4) { view.x += here[0] - last[0]; view.y += here[1] - last[1]; draw(); }
  });
  sceneCanvas.addEventListener("pointerup", (event) => { if (down.delete(event.pointerId) && moved <= 4) pickAt(...at(event)); });
  sceneCanvas.addEventListener("pointercancel", (event) => down.delete(event.pointerId));
  const middle = (factor) => () => zoom(factor, sceneCanvas.clientWidth / 2, sceneCanvas.clientHeight / 2);
  byId("zoom-in").addEventListener("click", middle(1.3));
  byId("zoom-out").addEventListener("click", middle(1 / 1.3));
  byId("reset").addEventListener("click", () => { resetView(); draw(); });
})();
function legend() {
  const svg = (shape) => { const s = svgElement("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }); s.append(shape); return s; };
  const shape = (fill, stroke, dash, size) => svg(svgElement("rect", { x: (12 - size) / 2, y: (12 - size) / 2, width: size, height: size, rx: 2, fill, stroke, "stroke-dasharray": dash, "stroke-width": 1.6 }));
  const items = data.classes.filter((name) => [data.tracks, data.detections].some((list) => list.some((at) => at.boxes.some((b) => b.class === name)))).map((name) => [shape(colourOf(name) + "44", colourOf(name), "none", 10), name]);
  if (data.clouds.length && state.colour === "motion") items.push([shape(pointColour.moving, "none", "none", 7), "moving return"], [shape(pointColour.stationary, "none", "none", 7), "stationary return"]);
  if (data.clouds.length && state.colour === "doppler") items.push([shape(ramp(-1), "none", "none", 7), "approaching 20 m/s"], [shape(ramp(1), "none", "none", 7), "receding 20 m/s"]);
  if (data.clouds.length && state.colour === "rcs") items.push([shape("hsl(275 75% 60%)", "none", "none", 7), "−15 dBsm"], [shape("hsl(50 75% 60%)", "none", "none", 7), "30 dBsm"]);
  if (data.truth.length) items.push([shape("none", "#f4f7fa", "2 2", 10), "ground truth"]);
  items.push(["", `vehicle outline ${number(data.footprint_m[0], 1)} × ${number(data.footprint_m[1], 2)} m${data.footprint_known ? "" : " (typical car)"}`]);
  byId("legend").replaceChildren(...items.map(([mark, text]) => element("span", {}, mark, text)));
}
