import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import * as module from "../../Sources/BrowserClient/Client/client.js";

const {
  earlier, matches, overlaps, reconnectDelay, PageLimit, TransportChoice, TransportMemory, EventParser, LIMITS,
} = module;

test("patterns mean topics as the gateway has it", () => {
  for (const [pattern, topic, is] of [
    ["a.b", "a.b", true], ["a.b", "a.c", false], ["a.*", "a.b", true], ["a.*", "a.b.c", false], ["a.*", "a", false],
    ["a.>", "a.b.c", true], ["a.>", "a", false], [">", "a", true], ["*.b", "a.b", true],
  ]) assert.equal(matches(pattern, topic), is, `${pattern} ${topic}`);
  for (const [a, b, is] of [["a.*", "*.b", true], ["a.*", "b.*", false], ["a.>", "a.b.c", true], ["a.*", "a.b.c", false]]) {
    assert.equal(overlaps(a, b), is);
    assert.equal(overlaps(b, a), is);
  }
});

test("a reconnect waits anything up to a bound that doubles", () => {
  const pace = { min_ms: 500, max_ms: 20_000 };
  assert.equal(reconnectDelay(0, pace, () => 0.5), 250);
  assert.equal(reconnectDelay(3, pace, () => 1), 4000);
  assert.equal(reconnectDelay(50, pace, () => 1), 20_000);
  assert.equal(reconnectDelay(50, pace, () => 0), 0);
});

test("a page limit is halved by each cut answer and doubled by each full page", () => {
  const limit = new PageLimit();
  assert.equal(limit.current, null, "the gateway decides");
  limit.arrived(1000);
  assert.equal(limit.current, null);
  const smaller = [];
  while (limit.cut()) smaller.push(limit.current);
  assert.deepEqual(smaller, [500, 250, 125, 62, 31, 15, 7, 3, 1]);
  assert.equal(limit.current, PageLimit.minimum);
  const larger = [];
  for (let page = 0; page < 11; page++) {
    limit.arrived(limit.current ?? 1000);
    larger.push(limit.current);
  }
  assert.deepEqual(larger, [2, 4, 8, 16, 32, 64, 128, 256, 512, null, null]);
});

test("a page that is not full leaves the limit as it is", () => {
  const limit = new PageLimit();
  limit.cut();
  for (const count of [0, 1, 499]) limit.arrived(count);
  assert.equal(limit.current, 500);
});

test("a page limit that was asked for is never exceeded", () => {
  const limit = new PageLimit(10);
  assert.equal(limit.refused(), false, "it is the caller's own");
  assert.deepEqual([limit.current, limit.cut(), limit.current], [10, true, 5]);
  limit.arrived(5);
  assert.equal(limit.current, 10);
});

test("a page limit that the gateway refuses becomes the bound", () => {
  const limit = new PageLimit();
  limit.cut();
  assert.deepEqual([limit.refused(), limit.current, limit.refused(), limit.current], [true, 250, true, 125]);
  limit.cut();
  const larger = [62];
  for (let page = 0; page < 3; page++) {
    limit.arrived(limit.current);
    larger.push(limit.current);
  }
  assert.deepEqual(larger, [62, 124, 248, null]);
});

test("the page that halving begins from is the gateway's default", () => {
  const page = readFileSync(new URL("../../Sources/Gateway/Documentation.docc/Limits.md", import.meta.url), "utf8");
  const [, names, values] = /^\| ([^|]*`limits\.poll_messages`[^|]*) \| ([^|]*) \|/m.exec(page);
  const index = names.split(", ").indexOf("`limits.poll_messages`");
  assert.equal(Number(values.split(", ")[index]), LIMITS.pollMessages);
});

test("a transport is left when it is refused, silent, or killed three times running, and for nothing else", () => {
  const choice = new TransportChoice(["websocket", "sse", "poll"]);
  for (let time = 0; time < 10; time++) assert.equal(choice.failed("away"), false);
  assert.deepEqual([choice.failed("ended", 100), choice.failed("ended", 100)], [false, false]);
  assert.equal(choice.failed("ended", 5000), false, "one that lasted begins the count anew");
  assert.deepEqual([choice.failed("ended", 1), choice.failed("ended", 1), choice.failed("ended", 1)], [false, false, true]);
  assert.equal(choice.current, "sse");
  assert.equal(choice.failed("silent"), true);
  assert.equal(choice.current, "poll");
  assert.equal(choice.failed("refused"), false, "there is no other");
  assert.deepEqual(choice.better, ["websocket", "sse"]);
  choice.use("websocket");
  assert.deepEqual([choice.current, choice.better], ["websocket", []]);
});

test("what worked is remembered for a while, and a storage that fails is nobody's trouble", () => {
  let now = 0;
  const items = new Map();
  const storage = {
    getItem: (key) => items.get(key), setItem: (key, value) => items.set(key, value), removeItem: (key) => items.delete(key),
  };
  const memory = new TransportMemory(storage, "g wifi", LIMITS, () => now);
  assert.equal(memory.recall(), null);
  memory.remember("sse");
  now += LIMITS.remembered - 1;
  assert.equal(memory.recall(), "sse");
  now += 1;
  assert.equal(memory.recall(), null);
  assert.equal(items.size, 0);
  memory.remember("poll");
  now -= 10 * LIMITS.remembered;
  assert.equal(memory.recall(), null, "the clock was set back");
  const broken = new TransportMemory(null, "g", LIMITS, () => 0);
  broken.remember("sse");
  assert.equal(broken.recall(), null);
});

test("events come whole, however their bytes are cut", () => {
  const text = "retry: 250\n\nid: e-1\r\nevent: gap\r\ndata: {\r\ndata: }\r\n\r\n: note\n\ndata:x\n\n";
  for (let cut = 0; cut <= text.length; cut++) {
    const parser = new EventParser();
    const events = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))];
    assert.equal(parser.retry, 250);
    assert.deepEqual(events.map(({ event, id, data }) => [event, id, data]), [["gap", "e-1", "{\n}"], ["message", null, "x"]], `${cut}`);
  }
});

test("everything that is exported is declared", () => {
  const declared = readFileSync(new URL("../../Sources/BrowserClient/Client/client.d.ts", import.meta.url), "utf8");
  for (const name of Object.keys(module)) assert.match(declared, new RegExp(`export (class|function|const) ${name}\\b`), name);
  for (const name of Object.keys(LIMITS)) assert.match(declared, new RegExp(`\\b${name}: number`), name);
});

test("the limits are documented, with their defaults", () => {
  const page = readFileSync(new URL("../../Sources/Gateway/Documentation.docc/Browsers.md", import.meta.url), "utf8");
  const documented = {};
  for (const [, names, values] of page.matchAll(/^\| (`\w+`(?:, `\w+`)*) \| ([\d, ]+) \|/gm)) {
    const numbers = values.split(", ").map(Number);
    names.split(", ").forEach((name, index) => { documented[name.slice(1, -1)] = numbers[index]; });
  }
  assert.deepEqual(documented, { ...LIMITS });
});

test("of two positions the earlier is told where it can be", () => {
  assert.equal(earlier("e-9", "e-10"), "e-9");
  assert.equal(earlier("e-10", "e-9"), "e-9");
  assert.equal(earlier("e-9", "e-9"), "e-9");
  assert.equal(earlier("e-9", "f-10"), null);
  assert.equal(earlier("earliest", "e-10"), null);
});
