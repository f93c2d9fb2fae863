// Playback and wiring: one state, one draw.
const instants = (() => {
  const lists = [data.tracks, data.clouds, data.truth, ...data.cameras.map((camera) => camera.pictures)];
  const first = lists.find((list) => list.length);
  const times = first ? first.map(entryTime) : data.ego.map(rowTime);
  return [...new Set(times)].filter((t) => t >= 0 && t <= data.duration_ms).sort((a, b) => a - b);
})();

let pending = false;
function draw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    const slider = byId("slider");
    slider.value = state.t;
    slider.setAttribute("aria-valuetext", `${number(state.t / 1000, 2)} seconds`);
    byId("clock").textContent = `${timeText(state.t)} / ${timeText(data.duration_ms)}`;
    drawScene(); drawPicture(); drawCharts(); drawLane(); tracksNow(); markKeyframe();
  });
}
function seek(t) { state.t = Math.min(data.duration_ms, Math.max(0, Math.round(t))); draw(); }
function step(direction) {
  setPlaying(false);
  const i = before(instants, direction > 0 ? state.t : state.t - 1, (t) => t) + (direction > 0 ? 1 : 0);
  if (instants[i] !== undefined) seek(instants[i]);
}
let last = 0;
function setPlaying(on) {
  if (on && state.t >= data.duration_ms) state.t = 0;
  state.playing = on && data.duration_ms > 0;
  const button = byId("play");
  button.querySelector("path").setAttribute("d", state.playing ? "M4 3h3v10H4zM9 3h3v10H9z" : "M4 2.5v11l9-5.5z");
  button.setAttribute("aria-label", state.playing ? "Pause" : "Play");
  if (state.playing) { last = performance.now(); requestAnimationFrame(tick); }
}
function tick(now) {
  if (!state.playing) return;
  seek(state.t + Math.max(1, (now - last) * state.speed));
  last = now;
  if (state.t >= data.duration_ms) setPlaying(false); else requestAnimationFrame(tick);
}

header(); keyframes(); tables(); makeCharts(); legend();
byId("slider").max = Math.max(1, data.duration_ms);
byId("slider").addEventListener("input", (event) => seek(+event.target.value));
byId("play").addEventListener("click", () => setPlaying(!state.playing));
byId("back").addEventListener("click", () => step(-1));
byId("forward").addEventListener("click", () => step(1));
byId("speed").addEventListener("change", (event) => { state.speed = +event.target.value; });
byId("colour").addEventListener("change", (event) => { state.colour = event.target.value; legend(); draw(); });
const toggle = (id, key) => byId(id).addEventListener("change", (event) => { state[key] = event.target.checked; draw(); });
byId("show-detections").checked = state.detections;
toggle("show-truth", "truth"); toggle("show-detections", "detections"); toggle("show-labels", "labels"); toggle("points-in-picture", "pointsInPicture");
byId("show-truth").parentElement.hidden = !data.truth.length;
byId("show-detections").parentElement.hidden = !data.detections.length;
byId("colour").parentElement.hidden = !data.clouds.length;
byId("points-in-picture-label").hidden = !!data.unrelated || !data.clouds.length || !data.cameras.some((camera) => camera.k);
byId("camera-choice").hidden = data.cameras.length < 2;
byId("camera").replaceChildren(...data.cameras.map((camera, i) => element("option", { value: i }, camera.name)));
byId("camera").addEventListener("change", (event) => { state.camera = +event.target.value; draw(); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const onButton = event.target.tagName === "BUTTON" || event.target.tagName === "SUMMARY" || event.target.type === "checkbox";
  if (event.key === " " && !onButton) setPlaying(!state.playing);
  else if (event.key === "ArrowRight") step(1);
  else if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(data.duration_ms);
  else return;
  event.preventDefault();
});
let sceneSize = "";
new ResizeObserver(() => { const size = `${sceneCanvas.clientWidth}x${sceneCanvas.clientHeight}`; if (size !== sceneSize) { sceneSize = size; resetView(); } draw(); }).observe(document.body);
// A link may name the time to open at: report.html#t=12.5
const opened = /^#t=([\d.]+)$/.exec(location.hash);
seek(opened ? +opened[1] * 1000 : instants[Math.min(instants.length - 1, Math.floor(instants.length * 0.1))] || 0);
