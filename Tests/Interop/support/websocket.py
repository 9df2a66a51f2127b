"""A WebSocket client for tests that block, over TLS too."""

import asyncio
import threading

import websockets.asyncio.client


class WebSocket:
    """The asyncio client of `websockets`, run by a thread of its own; its methods block.

    `websockets.sync.client` must not be used over TLS: one thread calls `recv` on the TLS socket while another calls
    `sendall`, and Python 3.11 makes both calls on the same OpenSSL `SSL` object without a lock, which OpenSSL does not
    allow. With TLS 1.3 the first `recv` processes the server's session tickets while the opening handshake is being
    sent. About once in a thousand connections the handshake request was then never written to the socket, and `connect`
    failed after ten seconds. Here all TLS calls are made on one thread.
    """

    def __init__(self, url, context=None):
        """`context` is an `ssl.SSLContext` for a `wss` URL."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._socket = self._run(self._open(url, context))
        except BaseException:
            self._stop()
            raise

    @staticmethod
    async def _open(url, context):
        return await websockets.asyncio.client.connect(url, ssl=context, proxy=None)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def recv(self, timeout):
        """The next message; raises `TimeoutError` if none arrives within `timeout` seconds."""
        return self._run(asyncio.wait_for(self._socket.recv(), timeout))

    def close(self):
        if self._loop.is_closed():
            return
        try:
            self._run(self._socket.close())
        finally:
            self._stop()

    def _stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
