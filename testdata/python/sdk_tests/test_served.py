"""The SDK's own way of testing: a program that is built before, and one that is made of the test's methods."""

import os

import pytest
from fastly_compute.testing import AutoViceroyTestBase, ViceroyTestBase, on_viceroy

# The program has the modules that are imported while it is built: an import in a method comes too late for it.
if AutoViceroyTestBase._is_on_viceroy:
    from fastly_compute.config_store import ConfigStore

SETTINGS = {
    "local_server": {
        "config_stores": {
            "settings": {"format": "inline-toml", "contents": {"greeting": "hi"}}
        }
    }
}


class TestBuilt(ViceroyTestBase):
    WASM_FILE = os.environ.get("WASM_FILE", "")
    VICEROY_CONFIG = SETTINGS

    def test_hello(self):
        assert self.get("/hello").text == "Hello from python\n"

    def test_config(self):
        assert self.get("/config?store=settings&key=greeting").text == "hi\n"

    def test_error(self):
        assert self.get("/trap").status_code == 500


class TestMade(AutoViceroyTestBase):
    VICEROY_CONFIG = SETTINGS

    @on_viceroy
    def add(cls, one, other):
        return one + other

    @on_viceroy
    def greeting(cls):
        return ConfigStore.open("settings").get("greeting")

    @on_viceroy
    def fail(cls):
        raise ValueError("on purpose")

    def test_value(self):
        assert self.add(1, 2) == 3

    def test_config(self):
        assert self.greeting() == "hi"

    def test_exception(self):
        with pytest.raises(ValueError, match="on purpose"):
            self.fail()
