"""Test guest: Fastly's Python SDK with Flask. Its routes are those of the other guests."""

import os
import sys

from fastly_compute import requests
from fastly_compute.config_store import ConfigStore
from fastly_compute.log import LogEndpoint
from fastly_compute.wsgi import WsgiHttpIncoming
from flask import Flask, Response, request

app = Flask(__name__)
counter = 0


@app.route("/hello")
def hello():
    return Response("Hello from python\n", mimetype="text/plain")


@app.route("/hello/<name>")
def hello_name(name):
    return Response(f"Hello {name}\n", mimetype="text/plain")


@app.route("/echo", methods=["GET", "POST", "PUT"])
def echo():
    response = Response(request.get_data())
    response.headers["x-method"] = request.method
    if request.content_type:
        response.headers["content-type"] = request.content_type
    return response


@app.route("/headers")
def headers():
    lines = "".join(f"{name.lower()}: {value}\n" for name, value in request.headers.items())
    response = Response(lines, mimetype="text/plain")
    response.headers.add("set-cookie", "a=1")
    response.headers.add("set-cookie", "b=2")
    return response


@app.route("/status")
def status():
    return Response("", status=int(request.args["code"]))


@app.route("/config")
def config():
    with ConfigStore.open(request.args["store"]) as store:
        value = store.get(request.args["key"])
    return Response(f"{value}\n", mimetype="text/plain")


@app.route("/log")
def log():
    with LogEndpoint.open("python-log") as endpoint:
        endpoint.write("a line for the log")
    print("a line for standard output")
    print("a line for standard error", file=sys.stderr)
    return Response("logged\n", mimetype="text/plain")


@app.route("/env")
def env():
    lines = "".join(f"{name}={value}\n" for name, value in sorted(os.environ.items()))
    return Response(lines, mimetype="text/plain")


@app.route("/proxy/<path:path>")
def proxy(path):
    answer = requests.get(f"http://origin.test/{path}", fastly_backend="origin")
    response = Response(answer.content, status=answer.status_code)
    response.headers["x-proxied-by"] = "python"
    return response


@app.route("/count")
def count():
    """Tells whether anything of an earlier request is left."""
    global counter
    counter += 1
    return Response(f"{counter}\n", mimetype="text/plain")


@app.route("/trap")
def trap():
    raise RuntimeError("trapped on purpose")


HttpIncoming = WsgiHttpIncoming(app)
