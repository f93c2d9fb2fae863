"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const found = data.found;
const colours = { grounding: "#53b7ff", global: "#4fd18b", context: "#ffc14d" };
const names = ["grounding", "global", "context"];
const element = (name, text, parent) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
document.getElementById("query").textContent = found.query;
document.getElementById("facts").textContent = `${found.log}: ${found.moments} moments, ${found.pictures} pictures, ` +
  `${found.scans} scans, ${found.texts} texts; chosen: ${found.way}` + (found.model ? `; model ${found.model} on ${found.engine}` : "");
const words = document.getElementById("words");
for (const said of found.said) {
  const word = element("span", said.words, words);
  word.className = "word";
  word.style.borderColor = colours[said.stream];
  element("i", ` ${said.sense ?? "in texts"} · ${said.stream}`, word);
}
for (const notice of found.notices) element("div", notice, document.getElementById("notices")).className = "notice";

const svg = document.getElementById("lanes");
const draw = (name, attributes, text) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  svg.append(made);
  return made;
};
const clock = ms => {
  const s = Math.floor(ms / 1000), two = n => String(n).padStart(2, "0");
  return (s >= 3600 ? `${Math.floor(s / 3600)}:` : "") + `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
};
const width = 1360, height = 190, left = 132, lane = 52;
svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
svg.setAttribute("preserveAspectRatio", "none");
const last = Math.max(1, data.times_ms[data.times_ms.length - 1] ?? 1);
const x = ms => left + (width - left - 8) * ms / last;
data.streams.forEach(([name, values], index) => {
  const base = 8 + lane * (index + 1) + 3 * index;
  draw("text", { x: 4, y: base - 20 }, `${name} × ${found.weights[name].toFixed(2)}`);
  draw("line", { x1: left, x2: width - 8, y1: base, y2: base, stroke: "#22303e" });
  let path = "", open = false;
  values.forEach((value, i) => {
    if (value < 0) { open = false; return; }
    path += `${open ? "L" : "M"}${x(data.times_ms[i]).toFixed(1)} ${(base - 3 - (lane - 8) * value / 1000).toFixed(1)}`;
    if (!open) path += "h.6";
    open = true;
  });
  draw("path", { d: path || "M0 0", class: "line", stroke: colours[name] });
});
for (let i = 0; i <= 8; i++) draw("text", { x: x(last * i / 8) - 14, y: height - 3 }, clock(last * i / 8));
data.hits_ms.forEach((ms, rank) => {
  const mark = draw("line", { x1: x(ms), x2: x(ms), y1: 6, y2: height - 16, class: "mark" });
  mark.append(Object.assign(document.createElementNS("http://www.w3.org/2000/svg", "title"), { textContent: `${rank + 1}: ${found.hits[rank].anchor}` }));
  mark.addEventListener("click", () => { location.hash = `hit${rank + 1}`; });
});

const hits = document.getElementById("hits");
found.hits.forEach((hit, rank) => {
  const card = element("article", "", hits);
  card.id = `hit${rank + 1}`;
  for (const [camera, jpeg] of data.pictures[rank]) {
    const image = element("img", "", card);
    image.src = `data:image/jpeg;base64,${jpeg}`;
    image.alt = `${camera} at ${hit.anchor}`;
  }
  if (!data.pictures[rank].length) element("div", "no picture", card).className = "none";
  const body = element("div", "", card);
  element("b", `${rank + 1}. ${hit.anchor}`, body);
  const bar = element("div", "", body);
  bar.className = "bar";
  for (const name of names) {
    const part = element("i", "", bar);
    part.style.width = `${100 * hit.parts[name] / (found.hits[0].score || 1)}%`;
    part.style.background = colours[name];
    part.title = `${name} ${hit.parts[name].toPrecision(3)}`;
  }
  element("p", `score ${hit.score.toPrecision(3)} · ${hit.at_ns} ns`, body);
  const list = element("ul", "", body);
  for (const why of hit.why) element("li", why, list);
});
if (!found.hits.length) element("p", "Nothing was found.", hits);
