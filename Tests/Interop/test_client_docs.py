"""Every block of code on the page for web developers, as it stands there, in Chromium, Firefox and Node."""

import json
import pathlib
import re
import subprocess
import time

import pytest

from support.client_stage import CLIENT, ClientStage
from support.gateway import ENVIRONMENT, wait_for
from support.misbehaving import Down, Refuse

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "Sources" / "Gateway" / "Documentation.docc" / "Browsers.md"

pytestmark = pytest.mark.timeout(120)


def blocks():
    """The document's blocks of code by heading and place under it."""
    found, heading, counts = {}, None, {}
    text = DOCUMENT.read_text()
    for match in re.finditer(r"^## ([^\n]+)$|^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if match[1]:
            heading = match[1]
        else:
            counts[heading] = counts.get(heading, 0) + 1
            found[heading, counts[heading]] = match[2]
    return found


BLOCKS = blocks()


class BlockStage(ClientStage):
    """One block after the other is a page of the gateway's origin, in a frame, alone with the gateway."""

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.page.run("globalThis.printed = []; addEventListener('message', ({ data }) => printed.push(data))")

    def show(self, block, files=None, **ways):
        """Opens the block as a page; what it loads besides is in `files`, the proxy treats it in `ways`."""
        self.show_page(code(block), files, **ways)

    def show_page(self, html, files=None, **ways):
        self.proxy.misbehave(**ways)
        self.proxy.files |= (files or {}) | {"/block.html": '<script src="/client_console.js"></script>' + html}
        self.page.run("""
            globalThis.frame?.remove();
            printed.length = 0;
            globalThis.frame = document.createElement("iframe");
            frame.src = "/block.html";
            document.body.append(frame);
        """)

    def reads(self):
        """Waits until the page is connected and has subscribed, which a WebSocket may do later."""
        wait_for(lambda: any(c["subscription_count"] for c in self.gateway.connections()), "the page to read")

    def publish(self, topic, data, event=None):
        return self.gateway.publish(topic, data, event)

    def prints(self, *lines):
        """Waits for exactly these lines, printed since the last call."""
        wait_for(lambda: len(self.printed()) >= len(lines), f"the page to print {lines}, not {self.printed()}")
        got = self.page.run("return printed.splice(0)")
        assert got == list(lines)

    def printed(self):
        return self.page.run("return printed")

    def clear(self):
        self.page.run("globalThis.frame?.remove()")
        super().clear()


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def browser_stage(request, tmp_path_factory):
    stage = BlockStage(request.param, tmp_path_factory.mktemp(request.param))
    yield stage
    stage.close()


@pytest.fixture
def stage(browser_stage):
    yield browser_stage
    browser_stage.clear()


def code(block):
    return BLOCKS[block]


def said(message, data):
    """How most of the blocks print a message."""
    return f'{message["topic"]} {message["seq"]} {json.dumps(data, separators=(",", ":"))}'


def break_and_lose(stage, topic):
    """While nothing gets through a message is published and deleted, and another published: both of them."""
    stage.proxy.misbehave(every=Down())
    stage.proxy.cut()
    lost = stage.publish(topic, "lost")
    assert stage.gateway.request("DELETE", f"/v1/topics/{topic}")[0] in (200, 204)
    kept = stage.publish(topic, "kept")
    stage.proxy.behave()
    return lost, kept


def prints_gap(stage, lost, kept):
    """Waits for the gap and what is held, as the plain examples print them."""
    wait_for(lambda: len(stage.printed()) >= 2, "the gap and what is held")
    gap, *rest = stage.page.run("return printed.splice(0)")
    gap = json.loads(gap.removeprefix("missed "))
    assert (gap["id"], gap["reason"]) == (lost["id"], "deleted")
    assert rest == [said(kept, "kept")]


# MARK: Without a library


def test_event_source(stage):
    stage.show(("EventSource", 1))
    stage.reads()
    stage.prints(said(stage.publish("orders.42", {"total": 12}), {"total": 12}))
    stage.prints(said(stage.publish("news.today", "sun"), "sun"))
    stage.proxy.cut()
    stage.prints(said(stage.publish("orders.42", {"total": 13}), {"total": 13}))
    prints_gap(stage, *break_and_lose(stage, "orders.42"))


def test_web_socket(stage):
    stage.show(("WebSocket", 1))
    stage.reads()
    stage.prints(said(stage.publish("orders.42", {"total": 12}), {"total": 12}))
    stage.proxy.cut()
    stage.prints(said(stage.publish("orders.43", 1), 1))
    prints_gap(stage, *break_and_lose(stage, "orders.43"))


def test_polling(stage):
    stage.show(("fetch", 1))
    stage.reads()
    for number in range(3):
        stage.prints(said(stage.publish("orders.42", number), number))
    stage.proxy.misbehave(poll=Refuse(502))
    stage.proxy.cut()
    wait_for(lambda: stage.printed(), "the page to notice")
    stage.proxy.behave()
    expected = said(stage.publish("orders.42", "later"), "later")
    wait_for(lambda: expected in stage.printed(), "what was published meanwhile")
    assert all(line.startswith("again in a moment:") for line in stage.printed()[:-1])


def test_lines(stage):
    stage.show(("fetch", 2))
    stage.reads()
    for number in range(3):
        stage.prints(said(stage.publish("orders.42", number), number))


def test_publishing(stage):
    stage.show(("fetch", 3))
    wait_for(stage.printed, "the page to publish")
    _, _, body = stage.gateway.request("GET", "/v1/topics/orders.42")
    stage.prints(f'published as orders.42 {json.loads(body)["last_seq"]}')


# MARK: The client


def test_client(stage):
    stage.show(("The client", 1))
    stage.reads()
    stage.prints(said(stage.publish("orders.42", {"total": 12}), {"total": 12}))
    stage.proxy.cut()
    stage.prints(said(stage.publish("orders.43", 2), 2))
    _, kept = break_and_lose(stage, "orders.43")
    stage.prints("missed deleted", said(kept, "kept"))


def test_loop_and_publishing(stage):
    stage.show(("The client", 2))
    wait_for(lambda: len(stage.printed()) >= 2, "the page to hear itself")
    said_first = sorted(stage.page.run("return printed.splice(0)"))
    assert said_first[1] == "said hello" and re.fullmatch(r"published as \d+", said_first[0])
    stage.publish("chat.room", {"text": "bye"}, event="said")
    stage.prints("said bye", "closed")
    wait_for(lambda: not stage.gateway.connections(), "the client to be gone")


def test_state(stage):
    stage.show(("The client", 3))
    wait_for(lambda: "state connected" in stage.printed(), "the page to be connected")
    assert "transport sse" in stage.printed()
    stage.page.run("printed.length = 0")
    stage.proxy.cut()
    wait_for(lambda: "state connected" in stage.printed(), "the page to come back")
    stage.page.run("printed.length = 0")
    stage.proxy.misbehave(every=Refuse(403))
    stage.proxy.cut()
    wait_for(lambda: "state closed" in stage.printed(), "the page to be told")
    assert any(line.startswith("ended: ") for line in stage.printed())


def test_position_kept_over_a_reload(stage):
    stage.page.run("sessionStorage.clear()")
    stage.show(("Resume, and gaps", 1))
    stage.reads()
    stage.prints(str(stage.publish("orders.42", 1)["seq"]))
    stage.page.run("frame.remove()")
    wait_for(lambda: not stage.gateway.connections(), "the page to be gone")
    missed = [str(stage.publish("orders.42", n)["seq"]) for n in range(3)]
    stage.show(("Resume, and gaps", 1))
    stage.prints(*missed)


def test_what_to_do_on_a_gap(stage):
    for number in range(2):
        stage.publish("stock.apples", number)
    stage.show(("Resume, and gaps", 2), {"/stock.json": '{"apples":7}'})
    wait_for(lambda: len(stage.printed()) >= 4, "the state and what is held")
    printed = stage.page.run("return printed.splice(0)")
    assert printed[0] == "missed some of everything because epoch"
    assert sorted(printed[1:]) == ["changed by 0", "changed by 1", 'the state is {"apples":7}']


def test_token(stage):
    def way(request):
        if request.headers.get("authorization") == "Bearer new":
            return None
        stage.proxy.files["/token"] = "new"
        return Refuse(401)

    stage.show(("Tokens", 1), {"/token": "old"}, every=way)
    stage.reads()
    stage.publish("orders.42", {"total": 12})
    stage.prints('{"total":12}')


def test_several_tabs(stage):
    stage.show(("Several tabs", 1))
    stage.reads()
    stage.page.run("""
        globalThis.other = document.createElement("iframe");
        other.src = "/block.html";
        document.body.append(other);
    """)
    try:
        # The second reads through the first: each message is printed by both of them.
        def both():
            stage.page.run("printed.length = 0")
            seq = str(stage.publish("orders.42", 1)["seq"])
            wait_for(lambda: seq in stage.printed(), "a message")
            time.sleep(0.2)
            return stage.printed() == [seq, seq]

        wait_for(both, "both to print")
        assert len(stage.gateway.connections()) == 1
    finally:
        stage.page.run("other.remove()")


# MARK: On the server, in a worker and in Node


@pytest.fixture
def node(tmp_path):
    """Runs a block in Node as a project that has the client from npm."""
    (tmp_path / "node_modules").mkdir()
    name = json.loads((CLIENT / "package.json").read_text())["name"]
    (tmp_path / "node_modules" / name).symlink_to(CLIENT)
    (tmp_path / "package.json").write_text('{"type":"module"}')
    processes = []

    def run(block, gateway):
        (tmp_path / "block.js").write_text(code(block))
        log = open(tmp_path / "printed.log", "w+")
        process = subprocess.Popen(
            ["node", "block.js"], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env=ENVIRONMENT | {"SLUICE_URL": gateway.url})
        processes.append(process)
        process.printed = lambda: (tmp_path / "printed.log").read_text().splitlines()
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait(10)


def test_rendered_on_the_server(stage, node):
    server = node(("A page rendered on the server", 1), stage.gateway)
    url = wait_for(server.printed, "the page's server to listen")[0]
    html = stage.gateway.request("GET", url)[2].decode()
    between = stage.publish("orders.42", {"total": 13})
    assert between
    stage.show_page(html, {"/page.js": code(("A page rendered on the server", 2))})
    stage.prints("total 13")
    stage.publish("orders.42", {"total": 14})
    stage.prints("total 14")
    assert stage.page.run("return frame.contentDocument.querySelector('output').value") == "14"


def test_worker(stage):
    worker = code(("Workers and Node", 1))
    stage.show_page("""<!doctype html><script type="module">
        new Worker("/worker.js", { type: "module" }).onmessage = ({ data }) => console.log(data.seq);
    </script>""", {"/worker.js": worker})
    stage.reads()
    stage.prints(str(stage.publish("orders.42", 1)["seq"]))


def test_node(start, node):
    gateway = start()
    gateway.publish("orders.1", {"total": 1})
    process = node(("Workers and Node", 2), gateway)
    wait_for(lambda: gateway.connections(), "it to read")
    gateway.publish("orders.2", {"last": True})
    assert process.wait(20) == 0, process.printed()
    assert process.printed() == ['orders.1 {"total":1}', 'orders.2 {"last":true}']


def test_no_block_is_left_out():
    named = re.findall(r'\(\("([^"]+)", (\d)\)', pathlib.Path(__file__).read_text())
    assert {(heading, int(number)) for heading, number in named} == set(BLOCKS)
