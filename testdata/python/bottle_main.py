"""Test guest: Fastly's Python SDK with Bottle, in a run that takes several requests."""

from bottle import Bottle, request
from fastly_compute.wsgi import WsgiHttpIncoming

app = Bottle()
counter = 0


@app.get("/hello")
def hello():
    return "Hello from bottle\n"


@app.post("/echo")
def echo():
    return request.body.read()


@app.get("/count")
def count():
    """Counts the requests of one run."""
    global counter
    counter += 1
    return f"{counter}\n"


HttpIncoming = WsgiHttpIncoming(app, reuse_sandboxes_for_ms=5000)
