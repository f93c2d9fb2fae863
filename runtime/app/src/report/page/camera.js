// The camera panel: the picture nearest in time, with boxes and points projected through the
// camera's calibration (pinhole with Brown-Conrady distortion).
const pictureCanvas = byId("picture");
const decoded = new Map();

function picture(camera, index) {
  const key = `${camera}/${index}`;
  if (!decoded.has(key)) {
    if (decoded.size > 60) decoded.delete(decoded.keys().next().value);
    const image = new Image();
    image.addEventListener("load", () => draw());
    image.src = "data:image/jpeg;base64," + data.cameras[camera].pictures[index].jpeg;
    decoded.set(key, image);
  }
  return decoded.get(key);
}

const NEAR = 0.2;
function toOptical(m, x, y, z) {
  return [m[0] * x + m[1] * y + m[2] * z + m[3], m[4] * x + m[5] * y + m[6] * z + m[7], m[8] * x + m[9] * y + m[10] * z + m[11]];
}
// Beyond the corner of the undistorted picture the distortion polynomial means nothing.
function project(camera, [x, y, z]) {
  const u = x / z, v = y / z, r2 = u * u + v * v, [k1, k2, p1, p2, k3] = camera.d, [fx, fy, cx, cy] = camera.k;
  const limit = Math.max(Math.hypot(cx / fx, cy / fy), Math.hypot((camera.width - cx) / fx, (camera.height - cy) / fy)) * 1.6;
  const trust = r2 <= limit * limit, radial = trust ? 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) : 1;
  const du = trust ? 2 * p1 * u * v + p2 * (r2 + 2 * u * u) : 0, dv = trust ? p1 * (r2 + 2 * v * v) + 2 * p2 * u * v : 0;
  return [fx * (u * radial + du) + cx, fy * (v * radial + dv) + cy];
}
// A straight edge, cut at the near plane and bent by the distortion; null behind the camera.
function edge(camera, a, b) {
  if (a[2] < NEAR && b[2] < NEAR) return null;
  const cut = (p, q) => { const f = (NEAR - p[2]) / (q[2] - p[2]); return p.map((v, i) => v + f * (q[i] - v)); };
  const from = a[2] < NEAR ? cut(a, b) : a, to = b[2] < NEAR ? cut(b, a) : b, steps = camera.d.some((k) => k) ? 6 : 1;
  return Array.from({ length: steps + 1 }, (_, i) => project(camera, from.map((v, j) => v + (i / steps) * (to[j] - v))));
}

// The boxes as they were at the picture's time: moved by their own and by the vehicle's motion.
function boxesAt(t) {
  const i = nearest(data.tracks, t, entryTime);
  if (i < 0 || Math.abs(data.tracks[i].t - t) > 500) return [];
  const at = data.tracks[i], dt = (t - at.t) / 1000, ego = egoAt(at.t);
  return at.boxes.map((b) => {
    const moved = b.moving ? [b.x + b.vx * dt, b.y + b.vy * dt] : [b.x, b.y];
    if (!ego) return { ...b, x: moved[0], y: moved[1] };
    const turn = ego.yawRate * dt, [x, y] = carry(moved, { x: 0, y: 0, yaw: 0 }, { x: ego.speed * dt * Math.cos(turn / 2), y: ego.speed * dt * Math.sin(turn / 2), yaw: turn });
    return { ...b, x, y, yaw: b.yaw - turn };
  });
}

const EDGES = [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]];
// Draws the wireframe, its front face filled; gives where a label may stand.
function drawBoxInPicture(c, camera, b, scale, width) {
  const base = corners(b), at = [-b.height / 2, b.height / 2].flatMap((dz) => base.map(([x, y]) => toOptical(camera.optical_from_vehicle, x, y, b.z + dz)));
  const middle = toOptical(camera.optical_from_vehicle, b.x, b.y, b.z);
  if (middle[2] < NEAR) return null;
  const lines = EDGES.map(([i, j]) => edge(camera, at[i], at[j])).filter((line) => line);
  const all = lines.flat().map(([x, y]) => [x * scale, y * scale]);
  const right = Math.max(...all.map((p) => p[0])), left = Math.min(...all.map((p) => p[0])), top = Math.min(...all.map((p) => p[1]));
  if (!all.length || right < 0 || left > width) return null;
  const colour = colourOf(b.class), picked = state.picked === b.id;
  const front = [0, 1, 5, 4].map((i) => at[i]);
  if (front.every((p) => p[2] >= NEAR)) {
    c.beginPath(); front.map((p) => project(camera, p)).forEach(([x, y], i) => (i ? c.lineTo(x * scale, y * scale) : c.moveTo(x * scale, y * scale))); c.closePath();
    c.fillStyle = colour + "33"; c.fill();
  }
  for (const [width2, style] of [[picked ? 5 : 3.4, "#05080bb0"], [picked ? 2.6 : 1.5, colour]]) {
    c.beginPath();
    for (const line of lines) line.forEach(([x, y], i) => (i ? c.lineTo(x * scale, y * scale) : c.moveTo(x * scale, y * scale)));
    c.lineWidth = width2; c.strokeStyle = style; c.lineJoin = "round"; c.globalAlpha = b.missed ? 0.55 : 1; c.stroke();
  }
  c.globalAlpha = 1;
  return { b, colour, picked, left, right, top };
}
function labelBoxInPicture(c, { b, colour, picked, left, right, top }, taken, width) {
  const text = `${b.id} ${b.class === "unknown" ? "" : b.class + " "}${number(Math.hypot(b.x, b.y))} m`;
  c.font = font(10.5, 600); c.textAlign = "left"; c.textBaseline = "middle";
  const w = c.measureText(text).width + 8, x = Math.max(2, Math.min(width - w - 2, (left + right) / 2 - w / 2));
  let y = Math.max(2, top - 18);
  if (!picked && taken.some((o) => x < o[0] + o[2] && o[0] < x + w && Math.abs(o[1] - y) < 16)) y -= 17;
  if (!picked && (y < 0 || taken.some((o) => x < o[0] + o[2] && o[0] < x + w && Math.abs(o[1] - y) < 16))) return;
  taken.push([x, y, w]);
  rounded(c, x, y, w, 15, 4); c.fillStyle = "#0a0f15d9"; c.fill(); c.fillStyle = colour; c.fillText(text, x + 4, y + 8);
}

function drawPicture() {
  const note = byId("picture-note"), camera = data.cameras[state.camera];
  if (!camera || !camera.pictures.length) {
    const { c, width, height } = surface(pictureCanvas);
    c.font = font(13); c.fillStyle = "#91a0b2"; c.textAlign = "center"; c.textBaseline = "middle";
    c.fillText(camera ? "No preview pictures of this camera" : "This log has no camera", width / 2, height / 2);
    note.textContent = camera ? "Its frames are in the log; the run kept no previews of them." : "";
    return;
  }
  const index = nearest(camera.pictures, state.t, entryTime), at = camera.pictures[index], image = picture(state.camera, index);
  if (index + 1 < camera.pictures.length) picture(state.camera, index + 1);
  // Until it is decoded the last picture stays, so that playing does not flicker.
  if (!image.complete && drawPicture.shown === state.camera) return;
  drawPicture.shown = state.camera;
  if (image.naturalWidth) pictureCanvas.style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`;
  const { c, width, height } = surface(pictureCanvas);
  if (image.naturalWidth) c.drawImage(image, 0, 0, width, height);
  const away = Math.round(at.t - state.t), gap = away === 0 ? "at this instant" : `${number(Math.abs(away))} ms ${away < 0 ? "before" : "after"} this instant`;
  const words = [`Picture ${gap}`];
  if (Math.abs(away) > 1000) { c.fillStyle = "#0a0e13a0"; c.fillRect(0, 0, width, height); }
  if (data.unrelated) words.push(`${data.unrelated}: no boxes are drawn into the picture`);
  else if (!camera.k || !camera.optical_from_vehicle) words.push(camera.k ? "the log does not say where this camera sits: no boxes drawn" : "the log has no calibration of this camera: no boxes drawn");
  else {
    const scale = width / (camera.width || image.naturalWidth || width), boxes = boxesAt(at.t).sort((a, b) => Math.hypot(b.x, b.y) - Math.hypot(a.x, a.y)), taken = [];
    if (state.pointsInPicture) drawPointsInPicture(c, camera, at.t, scale, width, height);
    const labels = boxes.map((b) => drawBoxInPicture(c, camera, b, scale, width)).filter((label) => label);
    // Near boxes cover far ones, and their labels come first.
    for (const label of labels.reverse()) labelBoxInPicture(c, label, taken, width);
    if (data.tracks.length) words.push(boxes.length ? "boxes are moved to the picture's time" : "no tracks within half a second of it");
  }
  note.textContent = words.join("; ") + ".";
}
function drawPointsInPicture(c, camera, t, scale, width, height) {
  for (const list of cloudsOf) {
    const i = nearest(list, t, entryTime);
    if (i < 0 || Math.abs(list[i].t - t) > 200) continue;
    const p = points(list[i]);
    for (let k = 0; k < p.length; k += 6) {
      const o = toOptical(camera.optical_from_vehicle, p[k], p[k + 1], p[k + 2]);
      if (o[2] < NEAR) continue;
      const [x, y] = project(camera, o).map((v) => v * scale);
      if (x < 0 || y < 0 || x > width || y > height) continue;
      c.fillStyle = p[k + 5] === 2 ? pointColour.moving : "#9cc3e6"; c.beginPath(); c.arc(x, y, p[k + 5] === 2 ? 2.2 : 1.5, 0, 2 * Math.PI); c.fill();
    }
  }
}
