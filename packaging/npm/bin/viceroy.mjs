#!/usr/bin/env node
import { run } from "fastlike/run";

run(process.argv.slice(2), "viceroy");
