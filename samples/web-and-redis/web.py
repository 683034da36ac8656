"""A web page that counts its visits in Redis, with nothing but Python's standard library."""

import http.server
import os
import signal
import socket
import sys
import time

REDIS = (os.environ.get("REDIS_HOST", "redis"), int(os.environ.get("REDIS_PORT", "6379")))
PATIENCE_S = 5      # a Redis that has just died is back within moments


def ask(*words):
    """Sends one command to Redis, a list of byte strings on the wire, and reads its one-line answer."""
    request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (str(w).encode() for w in words))
    with socket.create_connection(REDIS, timeout=PATIENCE_S) as redis:
        redis.sendall(request)
        answer = redis.makefile("rb").readline().rstrip(b"\r\n")
    if answer[:1] not in (b":", b"+"):
        raise OSError("redis said: " + (answer.decode(errors="replace") or "nothing"))
    return answer[1:].decode()


def count_visit():
    """Asks again while Redis is away or still loading its data."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return int(ask("INCR", "visits"))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/":
            self.answer(404, "there is only /\n")
            return
        try:
            self.answer(200, f"Hello from {socket.gethostname()}: visit number {count_visit()}\n")
        except OSError as e:
            self.answer(503, f"cannot count this visit: {e}\n")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))       # process 1 of a container has no default action for it
    server = http.server.ThreadingHTTPServer(("", 8000), Page)
    print("listening on port 8000", flush=True)
    server.serve_forever()


main()
