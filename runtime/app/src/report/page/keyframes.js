// The chosen moments in a row; a click seeks there.
function keyframePicture(keyframe) {
  if (!keyframe.jpeg) return element("span", { class: "nopicture" }, keyframe.camera ? "no preview" : "radar only");
  const alt = `${keyframe.camera} at ${timeText(keyframe.t)}`, source = "data:image/jpeg;base64," + keyframe.jpeg;
  const kept = keyframe.description ? keyframe.description.kept : [];
  if (!kept.length) return element("img", { src: source, alt, loading: "lazy" });
  // What the model did not see is dimmed.
  const [width, height] = keyframe.description.size_px;
  const picture = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMidYMid slice", role: "img", "aria-label": alt + "; what the model did not see is dimmed" });
  const holes = kept.map(([left, top, w, h]) => `M${left} ${top}h${w}v${h}h${-w}z`).join("");
  picture.append(svgElement("image", { href: source, width, height, preserveAspectRatio: "none" }),
    svgElement("path", { d: "M0 0h1000v1000h-1000z" + holes, "fill-rule": "evenodd", transform: `scale(${width / 1000} ${height / 1000})`, class: "unseen" }));
  return picture;
}
function keyframeCard(keyframe) {
  const description = keyframe.description;
  const parts = [keyframe.cues, `stands out by ${number(keyframe.priority, 2)}`];
  if (description) parts.push(`${description.by}, ${number(description.seen)} of ${number(description.tokens)} tokens seen, ${number(description.ms[0] + description.ms[1] + description.ms[2], 0)} ms`);
  return element("button", { type: "button", class: description ? "keyframe described" : "keyframe", title: parts.filter((part) => part).join("; "), onclick: () => { setPlaying(false); seek(keyframe.t); } },
    keyframePicture(keyframe), element("b", {}, timeText(keyframe.t)), element("span", { class: "muted" }, keyframe.reason),
    description ? element("p", {}, description.text || "(no words)") : null);
}
const keyframeCards = data.keyframes.map(keyframeCard);

function keyframes() {
  byId("keyframes-panel").hidden = !keyframeCards.length;
  const all = data.counts.keyframes, shown = keyframeCards.length;
  byId("keyframes-count").textContent = shown < all ? `${number(shown)} of ${number(all)} shown, click to seek` : `${number(all)}, click to seek`;
  byId("keyframes").replaceChildren(...keyframeCards);
}
function markKeyframe() {
  const i = nearest(data.keyframes, state.t, entryTime);
  keyframeCards.forEach((card, k) => card.classList.toggle("on", k === i && Math.abs(data.keyframes[i].t - state.t) < 500));
}
