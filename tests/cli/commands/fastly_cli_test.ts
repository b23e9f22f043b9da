// Fastly's own command line tool, over this executable in Viceroy's place.
import { assertEquals, assertMatch } from "../../assert.ts";
import { Process } from "../../process.ts";
import { CLI, command, denoFirst, ROOT, withFiles } from "../commands.ts";

/** Installed for the tests alone: 30 MB, from npm or its cache. */
const PACKAGE = "@fastly/cli@16.1.0";
/** The tool fetches settings from the network at its start; without a way there it goes on. */
const NO_NETWORK = { HTTPS_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1,localhost" };

const tools = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(tools, { recursive: true }));
const fastly = await install();
const denoDir: string = JSON.parse(
  (await command(Deno.execPath(), ["info", "--json"])).stdout,
).denoDir;

for (
  const [kind, guest, config] of [
    ["program", "rust", "config?store=settings&key=greeting"],
    ["component", "rust-component", "config?settings&greeting"],
  ] as const
) {
  Deno.test({
    name: `fastly compute serve runs a ${kind} in this executable${
      fastly ? "" : ` (skipped: npm cannot install ${PACKAGE})`
    }`,
    ignore: !fastly,
    fn: () =>
      withFiles({ "fastly.toml": MANIFEST, "viceroy": VICEROY }, async (folder) => {
        await Deno.chmod(`${folder}/viceroy`, 0o755);
        await Deno.copyFile(`${ROOT}/testdata/built/${guest}.wasm`, `${folder}/app.wasm`);
        await using server = fastlyServe(fastly!, folder);
        const [, url] = await server.until(/Listening on (http:\/\/127\.0\.0\.1:\d+)\n/);
        const response = await fetch(`${url}/hello`);
        const hello = `Hello from ${guest.replace("-", " ")}\n`;
        assertEquals([response.status, await response.text()], [200, hello]);
        assertMatch(await (await fetch(`${url}/${config}`)).text(), /from the manifest/);
        await server.until(/GET \/hello 200 /);
        assertEquals(await (await fetch(`${url}/log`)).text(), "logged\n");
        await server.until(/\nstdout :: (hello stdout|a line for standard output)\n/);
      }),
  });
}

const MANIFEST = `
manifest_version = 3
name = "served"
language = "rust"

[local_server.config_stores.settings]
format = "inline-toml"
contents = { greeting = "from the manifest" }
`;

/** The script of docs/viceroy.md. */
const [, SCRIPT] = /^```sh\n(#!.*?)^```$/ms.exec(
  await Deno.readTextFile(`${ROOT}/docs/viceroy.md`),
)!;
const VICEROY = SCRIPT!.replace("/path/to/fastlike/cli.ts", CLI);

/** The path of the tool, unless it cannot be had. */
async function install(): Promise<string | undefined> {
  const args = ["install", "--prefix", tools, "--prefer-offline", "--ignore-scripts"];
  const quiet = ["--no-audit", "--no-fund", "--no-save", "--loglevel", "error"];
  try {
    const { code } = await command("npm", [...args, ...quiet, PACKAGE], { cwd: tools });
    if (code !== 0) return undefined;
    // The package's own script would stand between us and the tool, and swallow signals.
    for await (const { name } of Deno.readDir(`${tools}/node_modules/@fastly`)) {
      if (name.startsWith("cli-")) return `${tools}/node_modules/@fastly/${name}/fastly`;
    }
  } catch {
    // there is no npm
  }
  return undefined;
}

/** Starts `fastly compute serve` in a folder, with the `viceroy` of that folder. */
function fastlyServe(fastly: string, folder: string): Process {
  const args = ["compute", "serve", "--skip-build", "--file", "app.wasm", "--addr", "127.0.0.1:0"];
  return new Process(fastly, [...args, "--viceroy-args=--log-stdout", "--non-interactive"], {
    cwd: folder,
    env: {
      ...NO_NETWORK,
      HOME: folder,
      XDG_CONFIG_HOME: folder,
      DENO_DIR: denoDir,
      PATH: `${folder}:${denoFirst().PATH}`,
      FASTLY_VICEROY_USE_PATH: "1",
    },
    last: "SIGINT",
  });
}
