// The chosen moments in a row; a click seeks there.
function keyframePicture(keyframe) {
  if (!keyframe.jpeg) return element("span", { class: "nopicture" }, keyframe.camera ? "no preview" : "radar only");
  const alt = `${keyframe.camera} at ${timeText(keyframe.t)}`, source = "data:image/jpeg;base64," + keyframe.jpeg;
  const shown = keyframe.descriptions.find((description) => description.camera === keyframe.camera);
  if (!shown || !shown.kept.length) return element("img", { src: source, alt, loading: "lazy" });
  // What the model did not see is dimmed.
  const kept = shown.kept, [width, height] = shown.size_px;
  const picture = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMidYMid slice", role: "img", "aria-label": alt + "; what the model did not see is dimmed" });
  const holes = kept.map(([left, top, w, h]) => `M${left} ${top}h${w}v${h}h${-w}z`).join("");
  picture.append(svgElement("image", { href: source, width, height, preserveAspectRatio: "none" }),
    svgElement("path", { d: "M0 0h1000v1000h-1000z" + holes, "fill-rule": "evenodd", transform: `scale(${width / 1000} ${height / 1000})`, class: "unseen" }));
  return picture;
}
// Each camera's draft as it stands; where the target wrote something else, both.
function keyframeWords(keyframe) {
  const several = keyframe.descriptions.length > 1;
  return keyframe.descriptions.flatMap(({ camera, text, corrected }) => {
    const name = several ? `${camera}: ` : "", draft = element("p", {}, name + (text || "(no words)"));
    if (!corrected) return [draft];
    draft.className = "struck";
    return [draft, element("p", {}, name + corrected)];
  });
}
function keyframeCard(keyframe) {
  const { descriptions, verdict } = keyframe, several = descriptions.length > 1;
  const parts = [keyframe.cues, `stands out by ${number(keyframe.priority, 2)}`];
  for (const { camera, by, seen, tokens, ms, drafted, right } of descriptions) {
    const words = `${by}, ${number(seen)} of ${number(tokens)} tokens seen, ${number(ms[0] + ms[1] + ms[2], 0)} ms`;
    parts.push((several ? `${camera}: ` : "") + words + (drafted ? `, ${number(right)} of ${number(drafted)} words right` : ""));
  }
  if (verdict) parts.push(`${verdict.outcome}: ${verdict.why}, score ${number(verdict.score, 2)} of ${number(verdict.threshold, 2)}`);
  return element("button", { type: "button", class: descriptions.length ? "keyframe described" : "keyframe", title: parts.filter((part) => part).join("; "), onclick: () => { setPlaying(false); seek(keyframe.t); } },
    keyframePicture(keyframe), element("b", {}, timeText(keyframe.t)), element("span", { class: "muted" }, keyframe.reason),
    verdict ? element("span", { class: `verdict ${verdict.outcome}` }, verdict.outcome) : null, ...keyframeWords(keyframe));
}
const keyframeCards = data.keyframes.map(keyframeCard);

function offloaded() {
  const o = data.offloaded, line = byId("offloaded");
  line.hidden = !o;
  if (!o) return;
  const part = (value, name) => element("span", {}, element("b", {}, value), ` ${name}`);
  const parts = [part(number(o.blocks), "blocks drafted"), part(number(o.accepted), "accepted in the vehicle"), part(number(o.confirmed), "confirmed"), part(number(o.corrected), "corrected"), part(number(o.unverified), "unverified")];
  if (o.amended) parts.push(part(number(o.amended), "amended later"));
  if (o.pictures_bytes) parts.push(part(bytesText(o.sent_bytes), `sent, ${number(100 * (1 - o.sent_bytes / o.pictures_bytes), 1)} % less than the pictures`));
  const reports = o.states[0] + o.states[1] + o.states[2];
  if (reports) parts.push(part(o.state, `link at the end (up in ${number((100 * o.states[0]) / reports, 0)} % of the reports)${o.round_trip_ms ? `, round trip ${number(o.round_trip_ms, 0)} ms` : ""}`));
  if (o.spooled_blocks) parts.push(part(number(o.spooled_blocks), "wait on the disk"));
  line.replaceChildren(...parts);
}
function keyframes() {
  offloaded();
  byId("keyframes-panel").hidden = !keyframeCards.length;
  const all = data.counts.keyframes, shown = keyframeCards.length;
  byId("keyframes-count").textContent = shown < all ? `${number(shown)} of ${number(all)} shown, click to seek` : `${number(all)}, click to seek`;
  byId("keyframes").replaceChildren(...keyframeCards);
}
function markKeyframe() {
  const i = nearest(data.keyframes, state.t, entryTime);
  keyframeCards.forEach((card, k) => card.classList.toggle("on", k === i && Math.abs(data.keyframes[i].t - state.t) < 500));
}
