// The operator's page: asks the gateway once a second, and follows topics with the client that everybody uses.
import { Sluice } from "/client.js";

/** How many seconds the charts show, lines the lists keep, and rows the tables show. */
const LIMITS = { seconds: 180, lines: 500, rows: 500 };

const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** An element with text and attributes. */
function element(name, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) [count, unit] = [count / 1024, unit + 1];
  return `${unit ? count.toFixed(1) : count} ${units[unit]}`;
}

function age(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** Adds a line to a list that keeps so many, and follows it where its reader stands at the end. */
function addLine(list, ...children) {
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
  list.append(element("li", {}, ...children));
  while (list.children.length > LIMITS.lines) list.firstElementChild.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

const timeOf = (milliseconds) => element("time", { text: new Date(milliseconds).toLocaleTimeString("en-GB") });
const note = (text, kind = "") => addLine(byId("log-lines"), timeOf(Date.now()), element("span", { text, class: kind }));

async function ask(path, options) {
  const response = await fetch(path, { cache: "no-store", ...options });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? `the gateway answered ${response.status}`);
  return answer;
}

const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// MARK: Figures and charts

const history = [];

/** The latency below which so much of what was delivered between two looks lies, in ms; null if nothing was. */
function percentile(now, before, share) {
  const counts = now.buckets.map(([bound, count], index) => [bound, count - before.buckets[index][1]]);
  const total = counts.at(-1)[1];
  if (!total) return null;
  const found = counts.findIndex(([, count]) => count >= share * total);
  return (counts[found][0] ?? counts.at(-2)[0]) * 1000;
}

function figure(name, value) {
  return element("div", {}, element("dt", { text: name }), element("dd", { text: value }));
}

function chart(id, names, points, unit) {
  const svg = byId(id);
  const most = Math.max(1, ...points.flat().filter((value) => value !== null));
  const [width, height] = [600, 140];
  const paths = names.map((name, line) => {
    let path = "";
    points.forEach((values, index) => {
      const value = values[line];
      if (value === null) return;
      const x = width - (points.length - 1 - index) * (width / LIMITS.seconds);
      path += `${path ? "L" : "M"}${x.toFixed(1)} ${(height - 4 - (value / most) * (height - 10)).toFixed(1)}`;
    });
    return `<path class="${line ? "two" : "one"}" d="${path || "M0 0"}"/>`;
  });
  svg.innerHTML = `<path class="grid" d="M0 ${height - 4}H${width}M0 6H${width}"/>${paths.join("")}`;
  const last = points.at(-1) ?? [];
  byId(`${id}-words`).textContent = names.map((name, line) =>
    `${name} now ${last[line] === null || last[line] === undefined ? "–" : short.format(last[line])}${unit}`).join(", ")
    + `; the line at the top is ${short.format(most)}${unit}`;
}

function show(stats) {
  const before = history.at(-1)?.stats;
  const seconds = before ? (stats.time - before.time) / 1000 : 0;
  const rate = (name) => (before && seconds > 0 ? Math.max(0, (stats[name] - before[name]) / seconds) : 0);
  history.push({
    stats,
    rates: [rate("messages_published"), rate("deliveries")],
    latency: [0.5, 0.99].map((share) =>
      before && stats.uptime_ms > before.uptime_ms ? percentile(stats.delivery_latency, before.delivery_latency, share) : null),
  });
  if (history.length > LIMITS.seconds) history.shift();

  const open = Object.values(stats.connections).reduce((sum, count) => sum + count, 0);
  const [published, delivered] = history.at(-1).rates;
  byId("figures").replaceChildren(
    figure("Published a second", short.format(published)), figure("Delivered a second", short.format(delivered)),
    figure("Readers", whole.format(open)), figure("Catching up", whole.format(stats.catching_up)),
    figure("Topics", whole.format(stats.topics)), figure("Memory", bytes(stats.memory.used)),
    figure("Gaps told", whole.format(Object.values(stats.gaps).reduce((sum, count) => sum + count, 0))),
    figure("Running for", age(stats.uptime_ms)));
  byId("transports").textContent = Object.entries(stats.connections).map(([name, count]) => `${name} ${whole.format(count)}`)
    .join(" · ");
  chart("rates", ["published", "delivered"], history.map(({ rates }) => rates), " a second");
  chart("latency", ["p50", "p99"], history.map(({ latency }) => latency), " ms");
  tellChanges(before, stats);

  const trouble = stats.store.state === "ok" ? null : stats.store.detail;
  setStatus(stats.draining ? "draining" : trouble ?? `running, version ${stats.version}, head ${stats.head}`,
    !stats.draining && !trouble);
}

function tellChanges(before, stats) {
  if (!before) return;
  if (stats.uptime_ms < before.uptime_ms) note("the gateway was started anew", "trouble");
  for (const [reason, count] of Object.entries(stats.gaps)) {
    const more = count - before.gaps[reason];
    if (more > 0) note(`${whole.format(more)} ${more === 1 ? "gap" : "gaps"} told: ${reason}`, "gap");
  }
  if (stats.draining && !before.draining) note("draining: clients are sent away", "trouble");
  if (stats.store.detail !== before.store.detail) {
    note(stats.store.detail ?? "the store is well again", stats.store.detail ? "trouble" : "");
  }
}

function setStatus(text, isGood) {
  const status = byId("status");
  // Said again only when it changes: a screen reader reads every change.
  const words = text.replace(/, head .*/, "");
  if (status.textContent !== words) status.textContent = words;
  status.className = isGood ? "good" : "bad";
}

// MARK: Tables

let sort = { by: "topic", up: true };
let lastTopics = new Map();

function row(cells) {
  return element("tr", {}, ...cells.map((cell) => cell instanceof Node ? cell : element("td", { text: cell })));
}

const number = (text) => element("td", { text, class: "number" });

async function showTopics(now) {
  const match = byId("match").value.trim();
  const query = new URLSearchParams({ limit: LIMITS.rows, ...(match ? { match } : {}) });
  const { topics, next } = await ask(`/v1/admin/topics?${query}`);
  const seen = new Map();
  for (const topic of topics) {
    const before = lastTopics.get(topic.topic);
    topic.rate = before ? Math.max(0, (topic.last_seq - before.seq) / ((now - before.at) / 1000)) : 0;
    seen.set(topic.topic, { seq: topic.last_seq, at: now });
  }
  lastTopics = seen;
  const order = sort.up ? 1 : -1;
  topics.sort((a, b) => order * (a[sort.by] < b[sort.by] ? -1 : a[sort.by] > b[sort.by] ? 1 : 0));
  byId("topics-note").textContent = next ? `the first ${LIMITS.rows}; a pattern shows others` : "";
  byId("topics-note").className = "note";
  byId("topic-rows").replaceChildren(...topics.map((topic) => row([
    element("td", { class: "name", text: topic.topic }), number(short.format(topic.rate)), number(whole.format(topic.last_seq)),
    number(whole.format(topic.messages)), number(bytes(topic.bytes)), keeps(topic), number(whole.format(topic.subscribers)),
  ])));
  if (!topics.length) byId("topic-rows").append(emptyRow(7, match ? "No topic matches." : "No topic yet: publish something."));
}

function keeps({ retention = {} }) {
  const parts = [];
  if (retention.messages !== undefined) parts.push(`${short.format(retention.messages)} messages`);
  if (retention.age_ms !== undefined) parts.push(age(retention.age_ms));
  if (retention.bytes !== undefined) parts.push(bytes(retention.bytes));
  return parts.join(", ") || "–";
}

function emptyRow(columns, text) {
  return element("tr", { class: "empty" }, element("td", { colspan: columns, text }));
}

async function showConnections() {
  const { connections } = await ask(`/v1/admin/connections?limit=${LIMITS.rows}`);
  const focused = document.activeElement?.dataset?.session;
  byId("connection-rows").replaceChildren(...connections.map((one) => {
    const end = element("button", { type: "button", class: "danger", text: "Disconnect", "data-session": one.session });
    end.setAttribute("aria-label", `Disconnect ${one.address}, ${one.transport}`);
    end.addEventListener("click", () => disconnect(one.session));
    const more = one.subscription_count - one.subscriptions.length;
    return row([
      one.address, one.transport,
      element("td", { class: "name", text: one.subscriptions.join(" ") + (more > 0 ? ` and ${more} more` : "") }),
      one.state.replace("_", " "), number(whole.format(one.lag)), number(whole.format(one.sent_messages)),
      number(age(one.connected_ms)), element("td", {}, end),
    ]);
  }));
  if (!connections.length) byId("connection-rows").append(emptyRow(8, "Nobody is connected."));
  if (focused) document.querySelector(`[data-session="${focused}"]`)?.focus();
}

async function disconnect(session) {
  try {
    await post("/v1/admin/disconnect", { sessions: [session] });
  } catch (error) {
    note(error.message, "trouble");
  }
}

// MARK: Tail and publish

const sluice = new Sluice();
let following = null;

sluice.addEventListener("error", ({ detail }) => note(`tail: ${detail.detail}`, "trouble"));
sluice.addEventListener("state", showTailState);
sluice.addEventListener("transport", showTailState);

function showTailState() {
  byId("tail-note").textContent = following ? `${sluice.state}${sluice.transport ? ` over ${sluice.transport}` : ""}` : "";
}

function follow(topic, rewind) {
  const lines = byId("tail-lines");
  lines.replaceChildren();
  following = sluice.subscribe(topic, rewind > 0 ? { rewind } : {});
  following.addEventListener("message", ({ detail }) => {
    const data = typeof detail.data === "string" ? detail.data : JSON.stringify(detail.data);
    addLine(lines, timeOf(detail.time), element("span", { class: "topic", text: `${detail.topic} ${detail.seq}` }),
      element("span", { text: detail.event ? `${detail.event}: ${data}` : data }));
  });
  following.addEventListener("gap", ({ detail }) => addLine(lines, element("span", {
    class: "gap", text: `gap: messages of ${detail.topic ?? "everything"} up to ${detail.id} are missing (${detail.reason})`,
  })));
  byId("tail-button").textContent = "Stop";
  showTailState();
}

function stopFollowing() {
  following?.unsubscribe();
  following = null;
  byId("tail-button").textContent = "Follow";
  showTailState();
}

byId("tail-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (following) return stopFollowing();
  follow(byId("tail-topic").value.trim(), Number(byId("tail-rewind").value));
});

byId("publish-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = byId("publish-answer");
  const text = byId("publish-data").value;
  let data = text;
  try { data = JSON.parse(text); } catch { /* It goes as text. */ }
  try {
    const { id, seq } = await sluice.publish(byId("publish-topic").value.trim(), data,
      byId("publish-event").value.trim() ? { event: byId("publish-event").value.trim() } : {});
    answer.textContent = `committed as ${id}, seq ${seq}`;
    answer.className = "note";
  } catch (error) {
    answer.textContent = error.detail ?? String(error);
    answer.className = "note bad";
  }
});

byId("drain").addEventListener("click", () => byId("drain-dialog").showModal());
byId("drain-dialog").addEventListener("close", async () => {
  if (byId("drain-dialog").returnValue !== "drain") return;
  try {
    const { connections } = await post("/v1/admin/drain");
    note(`draining ${connections} connections`, "trouble");
  } catch (error) {
    note(error.message, "trouble");
  }
});

for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    const by = button.dataset.sort;
    sort = { by, up: sort.by === by ? !sort.up : by === "topic" };
    for (const heading of document.querySelectorAll("th[aria-sort]")) heading.removeAttribute("aria-sort");
    button.parentElement.setAttribute("aria-sort", sort.up ? "ascending" : "descending");
    look();
  });
}
byId("match").addEventListener("input", () => look());

// MARK: Once a second

let isLooking = false;

async function look() {
  if (isLooking || document.hidden) return;
  isLooking = true;
  try {
    const stats = await ask("/v1/admin/stats");
    show(stats);
    await Promise.all([
      showTopics(stats.time).catch((error) => {
        byId("topics-note").textContent = error.message;
        byId("topics-note").className = "note bad";
      }),
      showConnections(),
    ]);
  } catch (error) {
    setStatus(`the gateway cannot be reached: ${error.message}`, false);
  } finally {
    isLooking = false;
  }
}

look();
setInterval(look, 1000);
document.addEventListener("visibilitychange", look);
