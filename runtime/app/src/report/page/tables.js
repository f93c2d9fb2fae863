// Everything that is not over time: totals, notices, latency, drops, faults, pairing, log, channels.
function panel(title, content, wide, aside) {
  return element("section", { class: wide ? "panel wide" : "panel", "aria-label": title }, element("div", { class: "head" }, element("h2", {}, title), aside ? element("span", { class: "muted small" }, aside) : null), content);
}
// columns: [title, numeric]; rows: lists of cells or of [cell, class].
function table(columns, rows, empty) {
  if (!rows.length) return element("p", { class: "empty" }, empty);
  const cell = (value, i) => { const [content, name] = Array.isArray(value) ? value : [value, ""]; return element("td", { class: `${columns[i][1] ? "n " : ""}${name}`.trim() || undefined }, content); };
  return element("div", { class: "scroll" }, element("table", {}, element("thead", {}, element("tr", {}, columns.map(([title, numeric]) => element("th", { class: numeric ? "n" : undefined, scope: "col" }, title)))),
    element("tbody", {}, rows.map((row) => row.group ? element("tr", { class: "group" }, element("td", { colspan: columns.length }, row.group)) : element("tr", { class: row.name }, (row.cells || row).map(cell))))));
}
const tint = (base, colour) => { const mark = element("span", { class: "swatch" }); mark.style.background = colour; return element("span", {}, mark, base); };

const damaged = data.files.filter((file) => file.damage !== null);
const undisciplined = data.clock.states > 0 && data.clock.disciplined < data.clock.states;

function header() {
  document.title = `${data.title} · Drafthorse report`;
  const start = data.recordings.length === 1 && data.recordings[0][0] > 1e11 ? new Date(data.recordings[0][0]).toISOString().replace("T", " ").slice(0, 19) + " UTC" : null;
  const version = data.run.version ? `recorded by drafthorse ${data.run.version}` : null;
  byId("subtitle").textContent = [start, `${number(data.duration_ms / 1000, 1)} s`, version, `report by ${data.report_version}`].filter((part) => part).join(" · ");
  const badges = [];
  badges.push(damaged.length ? ["bad", "Log damaged"] : ["good", "Log complete"]);
  const clock = data.clock;
  if (clock.mode === "file") badges.push(["", "Clock: stamps of the recording"]);
  else if (!clock.states) badges.push(["", "Clock: state not recorded"]);
  else badges.push(undisciplined ? ["warn", "Clock undisciplined"] : ["good", `Clock: ${clock.discipline}${clock.source ? `, ${clock.source}` : ""}`]);
  byId("badges").replaceChildren(...badges.map(([kind, text]) => element("span", { class: `badge ${kind}`.trim() }, text)));

  const notices = [];
  for (const file of damaged) notices.push(["bad", `${file.name}: ${file.damage}`]);
  if (!data.counts.messages) notices.push(["warn", "This log holds no messages."]);
  if (undisciplined && clock.mode !== "file") notices.push(["warn", `The vehicle clock was without discipline in ${number(clock.states - clock.disciplined)} of ${number(clock.states)} recorded states. Times are consistent within this log but not with other clocks.`]);
  if (data.recordings.length > 1) notices.push(["info", `This log holds ${data.recordings.length} recordings of different times (${data.recordings.map(([start, length]) => `${start > 1e11 ? new Date(start).toISOString().slice(0, 10) + ", " : ""}${number(length / 1000, 1)} s`).join("; ")}). They are shown side by side, each from its own beginning.`]);
  if (data.unrelated && data.cameras.length && (data.tracks.length || data.clouds.length)) notices.push(["info", `${data.unrelated}: radar and picture are shown beside each other, not on top of each other.`]);
  if (data.health.lost_messages) notices.push(["bad", `The recorder lost ${number(data.health.lost_messages)} messages.`]);
  if (data.health.recording_stopped) notices.push(["bad", "Recording stopped before the run ended."]);
  const unreadable = Object.entries(data.unreadable);
  if (unreadable.length) notices.push(["warn", `Messages that do not decode as their schema says: ${unreadable.map(([topic, n]) => `${n} on ${topic}`).join(", ")}.`]);
  byId("notices").replaceChildren(...notices.map(([kind, text]) => element("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : undefined }, text)));

  const n = data.counts, classes = data.classes.map((name, i) => [data.tracks_by_class[i], name]).filter(([count]) => count).map(([count, name]) => `${number(count)} ${name}`);
  const tiles = [[`${number(data.duration_ms / 1000, 1)} s`, "duration", ""], [number(n.scans), "radar scans", n.points ? `${number(n.points)} points` : ""], [number(n.frames), "camera frames", n.frozen_frames ? `${number(n.frozen_frames)} frozen` : ""],
    [number(n.tracks), "tracked objects", classes.slice(0, 3).join(", ")], [number(n.most_tracks), "tracks at once", "at most"], [number(n.keyframes), "keyframes", ""], [number(n.drops), "drops", "", n.drops ? "warn" : ""], [number(n.faults), "faults", "", n.faults ? "warn" : ""], [bytesText(data.files.reduce((sum, file) => sum + file.bytes, 0)), "log", `${number(n.messages)} messages`]];
  byId("tiles").replaceChildren(...tiles.map(([value, name, more, kind]) => element("div", { class: `tile ${kind || ""}`.trim() }, element("b", {}, value), element("span", {}, name), more ? element("i", {}, more) : null)));
}

const BARS = 8;
function strip(latency, first, last) {
  const width = 260, height = 26, svg = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "strip", role: "img", "aria-label": `distribution of ${latency.lane} ${latency.stage}` });
  const x = (bar) => ((bar - first) / (last - first)) * width, most = Math.max(...latency.bars.map((b) => b[1]));
  svg.append(svgElement("rect", { x: 0, y: height - 1, width, height: 1, fill: "#263544" }));
  for (let d = Math.ceil(first / BARS); d * BARS < last; d++) svg.append(svgElement("rect", { x: x(d * BARS), y: 0, width: 0.7, height, fill: "#223040" }));
  for (const [bar, count] of latency.bars) { const h = Math.max(1.5, Math.sqrt(count / most) * (height - 3)); svg.append(svgElement("rect", { x: x(bar), y: height - 1 - h, width: width / (last - first) - 0.6, height: h, fill: latency.stage === "total" ? "#53b7ff" : "#3c7fae" })); }
  for (const [ms, colour] of [[latency.ms[0], "#4fd18b"], [latency.ms[2], "#ffc14d"]]) if (ms > 0) svg.append(svgElement("rect", { x: x(Math.log10(ms * 1e6) * BARS) - 0.7, y: 0, width: 1.6, height, fill: colour }));
  return svg;
}
function latencyPanel() {
  const bars = data.latency.flatMap((l) => l.bars.map((b) => b[0])).filter((b) => b >= 2 * BARS);
  const first = bars.length ? Math.floor(Math.min(...bars) / BARS) * BARS : 3 * BARS, last = bars.length ? Math.ceil((Math.max(...bars) + 1) / BARS) * BARS : 9 * BARS;
  const scale = (d) => d < 3 ? `${10 ** d} ns` : d < 6 ? `${10 ** (d - 3)} µs` : d < 9 ? `${10 ** (d - 6)} ms` : `${10 ** (d - 9)} s`;
  const rows = [];
  let lane = null;
  const digits = (ms) => number(ms, ms < 0.1 ? 4 : ms < 10 ? 3 : 1);
  for (const l of data.latency) {
    if (l.lane !== lane) { rows.push({ group: `${l.lane} lane` }); lane = l.lane; }
    const shown = { ...l, bars: l.bars.filter((b) => b[0] >= first) };
    const name = l.stage === "waiting" ? "waiting in the queue" : l.stage === "total" ? "total, received to recorded" : l.stage;
    rows.push({ name: l.stage === "total" ? "total" : undefined, cells: [name, number(l.count), ...l.ms.map(digits), shown.bars.length ? strip(shown, first, last) : ""] });
  }
  const exact = data.latency.every((l) => l.exact);
  const columns = [["Stage"], ["Steps", 1], ["p50", 1], ["p90", 1], ["p99", 1], ["max", 1], [`${scale(first / BARS)} to ${scale(last / BARS)}, a line a decade`]];
  return panel("Latency, ms", table(columns, rows, "This log has no latency measurements."), true, data.latency.length ? `${exact ? "exact nearest-rank percentiles" : "percentiles of long series to 0.8 %, max exact"} · green p50, amber p99` : null);
}

function pairsPanel() {
  const p = data.pairs, all = p.paired + p.camera_only + p.radar_only;
  if (!all) return panel("Pairing of camera and radar", element("p", { class: "empty" }, "Nothing was paired: the log has no pairing outcomes."));
  const parts = [["paired", p.paired, "#4fd18b"], ["camera only", p.camera_only, "#53b7ff"], ["radar only", p.radar_only, "#ffb454"]];
  const bar = element("div", { class: "bar", role: "img", "aria-label": parts.map(([name, n]) => `${name} ${n}`).join(", ") }, parts.map(([, n, colour]) => { const part = element("span", {}); part.style.width = `${(100 * n) / all}%`; part.style.background = colour; return part; }));
  const rows = parts.map(([name, n, colour]) => [tint(name, colour), number(n), `${number((100 * n) / all, 1)} %`]);
  if (p.difference_ms) rows.push(["capture difference of pairs, median and largest", `${number(p.difference_ms[0], 2)} ms`, `${number(p.difference_ms[1], 2)} ms`]);
  return panel("Pairing of camera and radar", [bar, table([["Outcome"], ["Count", 1], ["Share", 1]], rows, "")]);
}

function governorPanel() {
  const g = data.governor;
  const why = { late: "a lane was late", busy: "the processors were busy", hot: "the board was hot", power: "the board drew too much power", room: "there was room again" };
  const rows = g.turns.map((t) => ({ name: "pick", cells: [[element("a", {}, timeText(t.t)), "keep"], t.knob.replaceAll("_", " "), number(t.from, 2), number(t.to, 2), why[t.why] || t.why] }));
  const facts = [`${number(g.below_full)} of ${number(g.reports)} s below full quality`, `at most ${g.lowest_rung} of ${g.rungs} rungs down`];
  if (g.hottest_c !== null) facts.push(`hottest zone ${number(g.hottest_c, 1)} °C`);
  if (g.most_power_w !== null) facts.push(`at most ${number(g.most_power_w, 1)} W`);
  const more = g.count - g.turns.length;
  const made = panel("Governor", [element("p", { class: "note" }, facts.join(" · ")), table([["Time"], ["Knob"], ["From", 1], ["To", 1], ["Why"]], rows, "No knob was turned."), more > 0 ? element("p", { class: "note" }, `and ${number(more)} more turns`) : null], true, g.count ? `${number(g.count)} turns of knobs` : null);
  made.querySelectorAll("tr.pick").forEach((row, i) => row.addEventListener("click", () => seek(g.turns[i].t)));
  return made;
}

function logPanel() {
  const rows = data.files.map((file) => [file.name, [bytesText(file.bytes), "keep"], file.damage === null ? ["complete", "good"] : [file.damage, "bad"]]);
  const h = data.health, facts = [];
  if (h.reports) facts.push(`longest time before data was on the disk ${number(h.longest_unflushed_ms)} ms`, `${number(h.lost_messages)} messages lost by the recorder`, `least free space ${bytesText(h.least_free_bytes)}`);
  const c = data.clock;
  if (c.states) facts.push(`clock: ${c.mode || "mode unknown"}, discipline ${c.discipline || "none"}${c.source ? ` (${c.source})` : ""}, largest offset ${number(c.largest_offset_ns / 1e3, 1)} µs, largest kernel error bound ${number(c.largest_error_ns / 1e6, 1)} ms`);
  return panel("Log", [table([["File"], ["Size", 1], ["Integrity"]], rows, "No file."), facts.length ? element("p", { class: "note" }, facts.join(" · ")) : null]);
}

function keptPanel() {
  const k = data.kept;
  const rows = k.shown.map((w) => ({ name: "pick", cells: [[element("a", {}, timeText(w.t)), "keep"], w.at_ms > 1e11 ? new Date(w.at_ms).toISOString().slice(11, 23) : "–", w.reason, number(w.before_s, 1), number(w.after_s, 1), w.detail] }));
  const what = k.by_reason.map(([reason, count]) => `${number(count)} by ${reason}`).join(", ");
  const lost = `Not kept, by policy: ${number(k.dropped_s, 1)} s, ${number(k.dropped_messages)} messages, ${bytesText(k.dropped_bytes)}.`;
  const made = panel("Kept windows", [element("p", { class: "note" }, [what ? `${what}. ` : "", lost].join("")), table([["Trigger"], ["UTC"], ["By"], ["s before", 1], ["s after", 1], ["What happened"]], rows, "No trigger came: nothing but what the policy always keeps is in this log.")], true, `policy ${k.policy || "unknown"}, ${number(k.windows)} windows${rows.length < k.windows ? `, ${number(rows.length)} shown` : ""}`);
  made.querySelectorAll("tr.pick").forEach((row, i) => row.addEventListener("click", () => seek(k.shown[i].t)));
  return made;
}

function tables() {
  const drops = data.drops.map((d) => [d.lane, d.sensor, [number(d.count), "warn"]]);
  const listed = data.faults.map((f) => ({ name: "pick", cells: [[element("a", {}, timeText(f.t)), "keep"], [f.kind.replaceAll("_", " "), "keep"], f.sensor || "whole system", number(f.count), f.detail] }));
  const kinds = data.fault_kinds.map((k) => `${k.kind.replaceAll("_", " ")}${k.sensor ? ` (${k.sensor})` : ""} ×${number(k.reports)}`).join(", ");
  const more = data.counts.faults - data.faults.length;
  const faults = panel("Faults", [kinds ? element("p", { class: "note" }, kinds) : null, table([["Time"], ["Kind"], ["Sensor"], ["Count", 1], ["What happened"]], listed, "No faults were reported."), more > 0 ? element("p", { class: "note" }, `and ${number(more)} more, counted above`) : null], true, data.counts.faults ? `${number(data.counts.faults)} reports` : null);
  faults.querySelectorAll("tr.pick").forEach((row, i) => row.addEventListener("click", () => seek(data.faults[i].t)));
  const networks = data.networks.map((n) => [n.topic, n.by, number(n.answers), n.clusters || "–", n.origin, n.licence]);
  const channels = data.channels.map((c) => [c.topic, c.schema, c.role, number(c.count), c.hz ? number(c.hz, 1) : "–", [bytesText(c.bytes), "keep"]]);
  byId("tables").replaceChildren(
    latencyPanel(), pairsPanel(),
    panel("Drops", table([["Lane"], ["Sensor"], ["Dropped", 1]], drops, "No lane dropped a message."), false, data.counts.drops ? `${number(data.counts.drops)} in all` : null),
    faults, ...(data.governor ? [governorPanel()] : []), ...(data.kept ? [keptPanel()] : []), logPanel(),
    ...(networks.length ? [panel("Networks", table([["Answers to"], ["Given by"], ["Count", 1], ["Agreement with clusters"], ["Origin of the model"], ["Licence"]], networks, ""), true)] : []),
    panel("Configuration", data.config ? element("details", {}, element("summary", {}, "Show the run's plan: sensors, mounting, alignment, perception"), element("pre", {}, data.config)) : element("p", { class: "empty" }, "The log does not hold its run's plan.")),
    panel("Channels", table([["Topic"], ["Schema"], ["Role"], ["Messages", 1], ["Hz", 1], ["Bytes", 1]], channels, "No channel."), true, `${number(data.counts.messages)} messages, ${bytesText(data.counts.bytes)} before compression`));
  byId("foot").textContent = `Shown here: ${number(data.counts.shown_scans)} of ${number(data.counts.scans)} instants and ${number(data.counts.shown_pictures)} of ${number(data.counts.pictures)} preview pictures, thinned evenly. ${data.kept ? `The log holds what the policy ${data.kept.policy} kept, from ${number(data.kept.windows)} windows` : "The log holds everything"}. Frames follow ISO 8855: x forward, y left, z up.`;
}

function tracksNow() {
  const at = tracksAt(state.t), boxes = at ? [...at.boxes].sort((a, b) => Math.hypot(a.x, a.y) - Math.hypot(b.x, b.y)) : [];
  byId("now-count").textContent = at ? `${boxes.length} tracked, ${boxes.filter((b) => b.moving).length} moving` : "";
  const rows = boxes.map((b) => ({ name: b.id === state.picked ? "pick on" : "pick", cells: [tint(`${b.id}`, colourOf(b.class)), b.class, number(Math.hypot(b.x, b.y), 1), number(b.x, 1), number(b.y, 1), b.moving ? number(Math.hypot(b.vx, b.vy) * 3.6) : "stands"] }));
  const made = table([["Id"], ["Class"], ["Range m", 1], ["x m", 1], ["y m", 1], ["km/h", 1]], rows, data.tracks.length ? "Nothing is tracked at this instant." : "This log has no tracks.");
  made.querySelectorAll("tr.pick").forEach((row, i) => row.addEventListener("click", () => { state.picked = state.picked === boxes[i].id ? null : boxes[i].id; draw(); }));
  const holder = byId("now");
  const scrolled = holder.scrollTop;
  made.classList.remove("scroll");
  holder.replaceChildren(made);
  holder.scrollTop = scrolled;
}
