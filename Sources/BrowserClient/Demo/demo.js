// The same stream five times over: one reader for each transport, and one that takes whichever it can have.
import { Sluice } from "/client.js";

const BLOCKED_FOR = 15_000;
const LINES = 7;
const topic = `demo.${crypto.randomUUID().slice(0, 8)}`;
const byId = (id) => document.getElementById(id);

/** A network of its own for a reader, which can be cut, and through which a transport can be kept from passing. */
class Network {
  #open = new Set();
  #blocked = null;

  get environment() {
    const network = this;
    return {
      storage: null,
      WebSocket: class extends WebSocket {
        constructor(...request) {
          super(...request);
          const cut = () => this.close();
          network.#open.add(cut);
          this.addEventListener("close", () => network.#open.delete(cut));
          if (network.#blocked === "websocket") queueMicrotask(cut);
        }
      },
      fetch: async (url, options = {}) => {
        if (!String(url).includes("/v1/stream")) return fetch(url, options);
        const abort = new AbortController();
        options.signal?.addEventListener("abort", () => abort.abort());
        const cut = () => abort.abort();
        network.#open.add(cut);
        const kind = { "text/event-stream": "sse", "application/x-ndjson": "ndjson" }[options.headers?.Accept] ?? "poll";
        if (network.#blocked === kind) throw new TypeError(`${kind} is blocked`);
        return fetch(url, { ...options, signal: abort.signal });
      },
    };
  }

  cut() {
    for (const end of [...this.#open]) end();
    this.#open.clear();
  }

  block(name) {
    this.#blocked = name;
    this.cut();
  }
}

/** A reader in its pane. */
class Pane {
  #network = new Network();
  #seqs = new Set();
  #last = 0;
  #counts = { received: 0, missed: 0, doubled: 0, cuts: 0 };

  constructor(title, options, start) {
    const pane = byId("pane").content.cloneNode(true).firstElementChild;
    this.pane = pane;
    pane.querySelector("h2").textContent = title;
    pane.classList.toggle("automatic", title === "automatic");
    pane.setAttribute("aria-label", `${title} reader`);
    byId("panes").append(pane);
    this.client = new Sluice(undefined, {
      ...options, position: start, environment: this.#network.environment,
      // A demo is watched for a minute.
      limits: { probeFirst: 4000, probeMost: 8000 },
    });
    this.client.addEventListener("state", () => this.#showState());
    this.client.addEventListener("transport", () => this.#showState());
    const subscription = this.client.subscribe(topic);
    subscription.addEventListener("message", ({ detail }) => this.#take(detail));
    subscription.addEventListener("gap", ({ detail }) => this.#line(`gap up to ${detail.id}: ${detail.reason}`, "gap"));
    pane.querySelector(".cut").addEventListener("click", () => this.cut());
    const block = pane.querySelector(".block");
    block.textContent = title === "automatic" ? "Block its transport for 15 s" : "Block it for 15 s";
    block.addEventListener("click", () => this.#block(block));
  }

  cut() {
    this.#counts.cuts++;
    this.#show("cuts");
    this.#line("cut", "note");
    this.#network.cut();
  }

  #block(button) {
    const name = this.client.transport ?? this.pane.querySelector("h2").textContent;
    button.disabled = true;
    this.#line(`${name} blocked`, "note");
    this.#network.block(name);
    setTimeout(() => {
      this.#network.block(null);
      this.#line(`${name} free again`, "note");
      button.disabled = false;
    }, BLOCKED_FOR);
  }

  #take({ seq, data }) {
    if (this.#seqs.has(seq)) this.#counts.doubled++;
    else this.#counts.received++;
    this.#seqs.add(seq);
    if (seq > this.#last + 1) this.#counts.missed += seq - this.#last - 1;
    this.#last = Math.max(this.#last, seq);
    for (const name of ["received", "missed", "doubled"]) this.#show(name);
    this.pane.querySelector(".position code").textContent = this.client.position;
    this.#line(`${seq}  ${data.text}`);
  }

  #show(name) {
    const place = this.pane.querySelector(`.${name}`);
    place.textContent = this.#counts[name];
    place.classList.toggle("wrong", (name === "missed" || name === "doubled") && this.#counts[name] > 0);
  }

  #showState() {
    const state = this.pane.querySelector(".state");
    state.textContent = this.client.state;
    state.classList.toggle("connected", this.client.state === "connected");
    this.pane.querySelector(".transport").textContent = this.client.transport ?? "–";
  }

  #line(text, kind = "") {
    const lines = this.pane.querySelector(".lines");
    const line = document.createElement("li");
    line.textContent = text;
    line.className = kind;
    lines.append(line);
    while (lines.children.length > LINES) lines.firstElementChild.remove();
  }
}

/** Publishes so many messages a second, one after the other. */
class Publisher {
  #client = new Sluice();
  #count = 0;
  #isRunning = true;

  constructor() {
    byId("run").addEventListener("click", () => {
      this.#isRunning = !this.#isRunning;
      byId("run").textContent = this.#isRunning ? "Stop" : "Start";
      if (this.#isRunning) this.#next();
    });
    this.#next();
  }

  async #next() {
    if (!this.#isRunning) return;
    const began = performance.now();
    try {
      await this.#client.publish(topic, { text: new Date().toLocaleTimeString("en-GB") });
      byId("published").textContent = `${++this.#count} published`;
    } catch (error) {
      byId("published").textContent = error.detail ?? String(error);
    }
    setTimeout(() => this.#next(), Math.max(0, 1000 / Number(byId("rate").value) - (performance.now() - began)));
  }
}

byId("topic").textContent = topic;
// All of them begin at the same place.
const { position } = await (await fetch("/v1/negotiate", { cache: "no-store" })).json();
const panes = [new Pane("automatic", {}, position)];
for (const name of ["websocket", "sse", "ndjson", "poll"]) panes.push(new Pane(name, { transports: [name] }, position));
byId("cut-all").addEventListener("click", () => panes.forEach((pane) => pane.cut()));
new Publisher();
