#!/usr/bin/env node
require("fastlike/run").run(process.argv.slice(2), "viceroy");
