"""The console and the demo as people use them, in real browsers."""

import json
import os
import pathlib

import pytest

from support.browser import Browser
from support.gateway import Gateway, wait_for

pytestmark = pytest.mark.timeout(180)

CONFIGURATION = "heartbeat: { sse: 1s, ndjson: 1s, websocket: 1s }\nreconnect: { min: 100ms, max: 500ms }\n"
# Names every control and every picture has for people who do not see them, or says which has none.
NAMELESS = """[...document.querySelectorAll("button, input, textarea, a, [role=img], table, dialog")].filter((one) => !(
  one.textContent.trim() || one.labels?.length || one.getAttribute("aria-label") || one.getAttribute("aria-labelledby")
)).map((one) => one.outerHTML)"""
# Headings that leave out a level.
HEADINGS = """[...document.querySelectorAll("h1, h2, h3")].map((one) => Number(one.localName[1]))
  .filter((level, index, all) => index ? level > all[index - 1] + 1 : level !== 1)"""
# Text that is hard to read on its background: WCAG 2 asks for 4.5.
CONTRAST = """(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const color = channels(getComputedStyle(one).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((one) => [...one.childNodes].some((node) =>
    node.nodeType === 3 && node.textContent.trim()) && one.checkVisibility()).map((one) => {
    const [a, b] = [light(channels(getComputedStyle(one).color)), light(ground(one))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.outerHTML.slice(0, 80)];
  }).filter(([ratio]) => ratio < 4.5);
})()"""


@pytest.fixture
def gateway(tmp_path):
    gateway = Gateway(tmp_path / "gateway", CONFIGURATION)
    yield gateway
    gateway.stop()


@pytest.fixture(params=["chromium", "firefox"])
def browse(request, tmp_path):
    """Opens a page in a browser of its own."""
    assert Browser.is_installed(request.param), f"{request.param} is not installed; deploy/test interop installs it"
    browsers = []

    def browse(url, dark=False):
        browsers.append(Browser(request.param, url, tmp_path / f"browser{len(browsers)}", dark=dark))
        return browsers[-1]

    yield browse
    for browser in browsers:
        browser.close()


def keep(name, picture):
    """Pictures are looked at by people: SLUICE_SCREENSHOTS says where they go."""
    if folder := os.environ.get("SLUICE_SCREENSHOTS"):
        pathlib.Path(folder, name).write_bytes(picture)
    assert picture[:4] == b"\x89PNG" and len(picture) > 5000


def looks_right(browser, name, height, dark):
    for width in (1280, 360):
        colours = "dark" if dark else "light"
        keep(f"{name}-{browser.name}-{width}-{colours}.png", browser.screenshot(width, height, dark))
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"wider than {width}"
        assert browser.evaluate(CONTRAST) == [], (width, dark)
    assert browser.evaluate(NAMELESS) == []
    assert browser.evaluate(HEADINGS) == []


def looks_right_by_day_and_night(page, browse, url, name, height):
    looks_right(page, name, height, dark=False)
    if page.name == "chromium":
        looks_right(page, name, height, dark=True)
        return
    night = browse(url, dark=True)
    wait_for(lambda: night.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"), "the night")
    wait_for(lambda: night.evaluate("document.querySelectorAll('dd, td').length") > 8, "something to see")
    looks_right(night, name, height, dark=True)
    night.close()


def test_console(gateway, browse):
    for number in range(20):
        gateway.publish(f"orders.{number % 4}", number)
    page = browse(gateway.admin + "/console")

    def text(selector):
        return page.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    wait_for(lambda: "orders.3" in text("#topic-rows") and text("#status").startswith("running"), "the topics")
    assert "1K messages, 10 m, 64.0 MiB" in text("#topic-rows")

    # A live tail, and publishing from the page.
    page.evaluate("""(() => {
      document.querySelector("#tail-topic").value = "orders.>";
      document.querySelector("#tail-rewind").value = "1";
      document.querySelector("#tail-form").requestSubmit();
    })()""")
    wait_for(lambda: "orders.3 5" in text("#tail-lines"), "the last messages")
    wait_for(lambda: "connected over websocket" in text("#tail-note"), "the transport")
    page.evaluate("""(() => {
      document.querySelector("#publish-topic").value = "orders.new";
      document.querySelector("#publish-event").value = "created";
      document.querySelector("#publish-data").value = '{"total": 12}';
      document.querySelector("#publish-form").requestSubmit();
    })()""")
    wait_for(lambda: 'created: {"total":12}' in text("#tail-lines"), "what was published")
    # The answer comes on another connection than the message, so either may be first.
    wait_for(lambda: "seq 1" in text("#publish-answer"), "the answer")
    page.evaluate("""(() => {
      document.querySelector("#publish-topic").value = "orders..";
      document.querySelector("#publish-form").requestSubmit();
    })()""")
    wait_for(lambda: "empty" in text("#publish-answer") or "segment" in text("#publish-answer"), "the refusal in words")

    # The tail is a reader among the others, and can be disconnected; it comes back.
    wait_for(lambda: "orders.>" in text("#connection-rows"), "the page's own connection")
    page.evaluate("document.querySelector('#connection-rows button').click()")
    wait_for(lambda: text("#connection-rows").count("orders.>") == 1 and "connected" in text("#tail-note"), "its return")
    gateway.request("DELETE", gateway.url + "/v1/topics/orders.1")
    wait_for(lambda: float(page.evaluate("document.querySelectorAll('#figures dd').length")) == 8, "the figures")
    looks_right_by_day_and_night(page, browse, gateway.admin + "/console", "console", 1400)

    # What is sorted and filtered stays so.
    page.evaluate("document.querySelector('[data-sort=messages]').click()")
    page.evaluate("""(() => {
      document.querySelector("#match").value = "orders.*";
      document.querySelector("#match").dispatchEvent(new Event("input"));
    })()""")
    wait_for(
        lambda: page.evaluate("document.querySelector('#topic-rows tr:last-child td').innerText") == "orders.1",
        "the emptied one last")

    # The last button of all.
    page.evaluate("document.querySelector('#drain').click()")
    page.evaluate("document.querySelector('#drain-dialog [value=drain]').click()")
    wait_for(lambda: "drain" in text("#log-lines") or "cannot be reached" in text("#status"), "the drain")


def counts(page):
    return page.evaluate("""[...document.querySelectorAll(".pane")].map((pane) => Object.fromEntries(
      ["state", "transport", "received", "missed", "doubled", "cuts"].map((name) =>
        [name, pane.querySelector("." + name).innerText])))""")


def test_demo(gateway, browse):
    page = browse(gateway.url + "/demo")

    def until(condition, what):
        wait_for(lambda: condition(counts(page)), what, 60)

    until(lambda panes: [pane["transport"] for pane in panes] == ["websocket", "websocket", "sse", "ndjson", "poll"],
          "five readers")
    until(lambda panes: all(int(pane["received"]) > 3 for pane in panes), "messages everywhere")
    page.evaluate("document.querySelector('#rate').value = 30")
    for _ in range(5):
        before = int(counts(page)[0]["received"])
        page.evaluate("document.querySelector('#cut-all').click()")
        until(lambda panes, before=before: all(int(pane["received"]) > before for pane in panes), "them to go on")
    # Cut so often within a second, the automatic one may have taken it for the network's doing.
    until(lambda panes: panes[0]["transport"] == "websocket", "the best transport")
    # It falls back, and comes up again when it can.
    page.evaluate("document.querySelector('.automatic .block').click()")
    until(lambda panes: panes[0]["transport"] == "sse", "the fallback")
    looks_right_by_day_and_night(page, browse, gateway.url + "/demo", "demo", 900)
    until(lambda panes: panes[0]["transport"] == "websocket", "the way back up")
    page.evaluate("document.querySelector('#run').click()")
    published = wait_for(
        lambda: page.evaluate("parseInt(document.querySelector('#published').innerText)"), "the count")
    until(lambda panes: all(int(pane["received"]) >= published for pane in panes), "all to have everything")
    for pane in counts(page):
        assert (pane["missed"], pane["doubled"]) == ("0", "0"), pane
