// Plots over time with a cursor at the slider, and the lane of faults and drops under it.
const charts = [];

function ticks(low, high, count) {
  const raw = (high - low) / count, power = Math.pow(10, Math.floor(Math.log10(raw))), step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw);
  const out = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-6; v += step) out.push(Math.abs(v) < step / 1e6 ? 0 : v);
  return { out, digits: Math.max(0, -Math.floor(Math.log10(step))) };
}
function timeTicks(width) {
  const steps = [100, 200, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 600000, 1200000, 1800000, 3600000, 7200000, 14400000];
  const step = steps.find((s) => (s / Math.max(1, data.duration_ms)) * width >= 56) || 86400000;
  return Array.from({ length: Math.min(80, Math.floor(data.duration_ms / step) + 1) }, (_, i) => i * step);
}
const LEFT = 38, RIGHT = 6;

// series: { name, colour, rows, value(row), dash, fill, step }
function chart(title, unit, digits, series) {
  const present = series.filter((s) => s.rows.length);
  if (!present.length) return;
  let low = Infinity, high = -Infinity;
  for (const s of present) for (const row of s.rows) { const v = s.value(row); if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); } }
  if (present[0].fill) low = Math.min(0, low);
  if (!(high > low)) { high += 1; low -= present[0].fill ? 0 : 1; }
  const pad = (high - low) * 0.08;
  if (!present[0].fill) low -= pad;
  high += pad;
  const values = element("span", {}), canvas = element("canvas", { role: "img", "aria-label": `${title} over time` });
  byId("charts").append(element("div", { class: "chart" }, element("div", { class: "cap" }, element("b", {}, title), values), canvas));
  const made = { title, unit, digits, series: present, low, high, canvas, values, still: document.createElement("canvas"), stillKey: "" };
  const seekTo = (event) => { const r = canvas.getBoundingClientRect(); seek(((event.clientX - r.left - LEFT) / (r.width - LEFT - RIGHT)) * data.duration_ms); };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); seekTo(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) seekTo(event); });
  charts.push(made);
}
function drawStill(made, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1), key = `${width}x${height}@${ratio}`;
  if (made.stillKey === key) return;
  made.stillKey = key;
  made.still.width = Math.round(width * ratio); made.still.height = Math.round(height * ratio);
  const c = made.still.getContext("2d"), bottom = height - 15;
  c.scale(ratio, ratio);
  const px = (t) => LEFT + (t / Math.max(1, data.duration_ms)) * (width - LEFT - RIGHT), py = (v) => bottom - ((v - made.low) / (made.high - made.low)) * (bottom - 4);
  c.font = font(10); c.lineWidth = 1;
  const { out, digits } = ticks(made.low, made.high, 3);
  c.textAlign = "right"; c.textBaseline = "middle";
  for (const v of out) { const y = Math.round(py(v)) + 0.5; c.strokeStyle = v === 0 ? "#2c3b4a" : "#1a2530"; c.beginPath(); c.moveTo(LEFT, y); c.lineTo(width - RIGHT, y); c.stroke(); c.fillStyle = "#7d8ea1"; c.fillText(number(v, digits), LEFT - 6, y); }
  c.textAlign = "center"; c.textBaseline = "alphabetic";
  for (const t of timeTicks(width)) { const x = px(t); if (x < width - 14) { c.fillStyle = "#66778a"; c.fillText(shortTime(t), Math.max(LEFT + 8, x), height - 3); } }
  c.beginPath(); c.rect(LEFT, 0, width - LEFT - RIGHT, bottom + 1); c.clip();
  for (const s of made.series) {
    c.beginPath();
    let last = null;
    for (const row of s.rows) {
      const x = px(row[0]), y = py(s.value(row)), broken = last && row[0] - last[0] > Math.max(1500, data.duration_ms / 60);
      if (!last || broken) { if (last && s.fill) c.lineTo(px(last[0]), py(0)); c.moveTo(x, s.fill ? py(0) : y); c.lineTo(x, y); }
      else { if (s.step) c.lineTo(x, py(s.value(last))); c.lineTo(x, y); }
      last = row;
    }
    if (s.fill) { c.lineTo(px(last[0]), py(0)); c.fillStyle = s.colour + "40"; c.fill(); }
    c.strokeStyle = s.colour; c.lineWidth = s.dash ? 1.2 : 1.5; c.setLineDash(s.dash || []); c.lineJoin = "round"; c.stroke(); c.setLineDash([]);
  }
}
function drawCharts() {
  for (const made of charts) {
    const { c, width, height } = surface(made.canvas);
    if (!width) continue;
    drawStill(made, width, height);
    c.drawImage(made.still, 0, 0, width, height);
    const x = LEFT + (state.t / Math.max(1, data.duration_ms)) * (width - LEFT - RIGHT);
    c.strokeStyle = "#e8eef5b0"; c.lineWidth = 1; c.beginPath(); c.moveTo(x, 0); c.lineTo(x, height - 15); c.stroke();
    const parts = made.series.map((s) => {
      const i = nearest(s.rows, state.t, rowTime), row = s.rows[i], far = !row || Math.abs(row[0] - state.t) > 2000;
      const value = far ? NaN : s.value(row);
      if (!far) { c.fillStyle = s.colour; c.beginPath(); c.arc(x, height - 15 - ((value - made.low) / (made.high - made.low)) * (height - 19), 2.8, 0, 2 * Math.PI); c.fill(); }
      return [s.name, number(value, made.digits), s.colour];
    });
    made.values.replaceChildren(...parts.map(([name, value, colour]) => { const mark = element("span", { class: "swatch" }); mark.style.background = colour; mark.style.marginLeft = "12px"; return element("span", {}, mark, `${name} `, element("b", {}, value)); }), ` ${made.unit}`);
  }
}
function makeCharts() {
  const truth = { name: "truth", colour: "#f4f7fa", rows: data.ego_truth, dash: [4, 3] };
  const name = data.ego_truth.length ? "estimated" : "ego";
  chart("Ego speed", "m/s", 2, [{ name, colour: "#53b7ff", rows: data.ego, value: (r) => r[1] / 1000 }, { ...truth, value: (r) => r[1] / 1000 }]);
  chart("Yaw rate", "°/s", 2, [{ name, colour: "#b79cff", rows: data.ego, value: (r) => (r[2] / 1e4) * 180 / Math.PI }, { ...truth, value: (r) => (r[2] / 1e4) * 180 / Math.PI }]);
  chart("Tracks", "", 0, [{ name: "all", colour: "#4fd18b", rows: data.track_counts, value: (r) => r[1], fill: true, step: true }, { name: "moving", colour: "#ff8a5c", rows: data.track_counts, value: (r) => r[2], step: true }]);
  if (!charts.length) byId("charts").append(element("p", { class: "empty" }, "This log has no ego motion and no tracks."));
}

const markGroups = (() => {
  const groups = { drop: [], fault: [] };
  for (const [label, t, count] of data.marks) groups[data.mark_labels[label].drop ? "drop" : "fault"].push({ t, count, text: data.mark_labels[label].text });
  return groups;
})();
const laneX = (t, width) => 8 + (Math.min(data.duration_ms, Math.max(0, t)) / Math.max(1, data.duration_ms)) * (width - 16);
function drawLane() {
  const canvas = byId("lane"), { c, width, height } = surface(canvas);
  if (!width) return;
  c.font = font(10); c.textBaseline = "middle";
  [["faults", markGroups.fault, "#ff6b6b", 7], ["drops", markGroups.drop, "#ffc14d", 21]].forEach(([name, marks, colour, y]) => {
    c.fillStyle = "#18222d"; c.fillRect(8, y - 5, width - 16, 11);
    const most = Math.max(1, ...marks.map((m) => m.count));
    for (const m of marks) { const x = laneX(m.t, width); c.globalAlpha = 0.45 + 0.55 * Math.sqrt(m.count / most); c.fillStyle = colour; c.fillRect(x - 1, y - 5, 2.4, 11); }
    c.globalAlpha = 1;
    const text = marks.length ? name : `no ${name}`;
    c.font = font(10, 600); c.textAlign = "left";
    const w = c.measureText(text).width;
    c.fillStyle = "#18222de0"; c.fillRect(10, y - 5, w + 8, 11);
    c.fillStyle = marks.length ? colour : "#6d7f92"; c.fillText(text, 14, y + 1);
  });
  c.font = font(10); c.fillStyle = "#7d8ea1"; c.textAlign = "center";
  for (const t of timeTicks(width)) { const x = laneX(t, width); c.fillStyle = "#2a3846"; c.fillRect(x, 28, 1, 4); c.fillStyle = "#7d8ea1"; c.fillText(shortTime(t), Math.min(width - 14, Math.max(14, x)), height - 7); }
  c.fillStyle = "#53b7ff"; c.fillRect(laneX(state.t, width) - 0.75, 0, 1.5, 30);
}
byId("lane").addEventListener("click", (event) => { const r = event.target.getBoundingClientRect(); seek(((event.clientX - r.left - 8) / (r.width - 16)) * data.duration_ms); });
byId("lane").addEventListener("pointermove", (event) => {
  const r = event.target.getBoundingClientRect(), x = event.clientX - r.left, top = event.clientY - r.top < 14;
  const near = (top ? markGroups.fault : markGroups.drop).filter((m) => Math.abs(laneX(m.t, r.width) - x) < 4).slice(0, 5);
  event.target.title = near.map((m) => `${m.text}: ${m.count} at ${timeText(m.t)}`).join("\n");
});
