// The chosen moments in a row; a click seeks there.
const keyframeCards = data.keyframes.map((keyframe) => element("button", { type: "button", class: "keyframe", title: [keyframe.cues, `stands out by ${number(keyframe.priority, 2)}`].filter((part) => part).join("; "), onclick: () => { setPlaying(false); seek(keyframe.t); } },
  keyframe.jpeg ? element("img", { src: "data:image/jpeg;base64," + keyframe.jpeg, alt: `${keyframe.camera} at ${timeText(keyframe.t)}`, loading: "lazy" }) : element("span", { class: "nopicture" }, keyframe.camera ? "no preview" : "radar only"),
  element("b", {}, timeText(keyframe.t)), element("span", { class: "muted" }, keyframe.reason)));

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
