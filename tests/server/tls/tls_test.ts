import { assertEquals } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { answerText, head, serving, Tap } from "../wire.ts";
import { withFiles } from "../../cli/commands.ts";
import { curl } from "../../curl.ts";

Deno.test("a TLS connection goes on behind each kind of response, with one handshake", async () => {
  const authority = await createAuthority();
  const tls = await authority.issue(["localhost", "ip:127.0.0.1"]);
  await using server = await serving((exchange) => {
    const path = new URL(exchange.head.url).pathname;
    if (path === "/whole") return answerText(exchange, "done");
    const tap = new Tap();
    exchange.respond(head(200, ...path === "/length" ? ["content-length", "4"] : []), tap);
    tap.push("do");
    setTimeout(() => {
      tap.push("ne");
      setTimeout(() => tap.end(), 5);
    }, 5);
  }, { tls });
  await withFiles({ "ca.pem": authority.ca }, async (folder) => {
    for (const version of ["--http1.1", "--http2"]) {
      const urls = ["whole", "length", "chunked", "length", "whole"]
        .map((path) => `https://127.0.0.1:${server.port}/${path}`);
      const shown = ["-w", " %{num_connects}\n"];
      const { stdout } = await curl("--cacert", `${folder}/ca.pem`, version, ...shown, ...urls);
      assertEquals(stdout, "done 1\ndone 0\ndone 0\ndone 0\ndone 0\n", version);
    }
  });
  assertEquals((await server.logged(10)).every(({ whole }) => whole), true);
});

Deno.test("content of a megabyte goes both ways over TLS, again and again on one connection", async () => {
  const authority = await createAuthority();
  const tls = await authority.issue(["localhost", "ip:127.0.0.1"]);
  await using server = await serving((exchange) => {
    exchange.respond(head(200), exchange.body);
  }, { tls });
  await withFiles({ "ca.pem": authority.ca, "large": "x".repeat(1_000_000) }, async (folder) => {
    for (const version of ["--http1.1", "--http2"]) {
      const url = `https://127.0.0.1:${server.port}/`;
      const shown = ["-o", "/dev/null", "-w", "%{size_download} %{num_connects}\n"];
      const { stdout } = await curl(
        ...["--cacert", `${folder}/ca.pem`, version, "--data-binary", `@${folder}/large`],
        ...[...shown, url, "-o", "/dev/null", url, "-o", "/dev/null", url],
      );
      assertEquals(stdout, "1000000 1\n1000000 0\n1000000 0\n", version);
    }
  });
});
