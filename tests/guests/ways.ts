import { Buffer } from "node:buffer";
import { connect } from "node:http2";
import { request as requestHttps } from "node:https";
import { openBrowser } from "../browser.ts";
import { curl } from "../curl.ts";

/** A request that every client can send. */
export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Each character a byte. */
  readonly body?: string;
}

/** Parts of a response that every client shows. */
export interface Told {
  readonly status: number;
  readonly contentType: string | undefined;
  /** Fields that begin with `x-`, in lower case and sorted. */
  readonly fields: readonly string[];
  /** Each character a byte. */
  readonly body: string;
}

/** A client, by one version of HTTP. */
export interface Client extends AsyncDisposable {
  ask(asked: Asked): Promise<Told>;
}

/** Clients by name, each made for a URL and an authority. */
export const CLIENTS: Readonly<Record<string, (url: string, ca: string) => Promise<Client>>> = {
  "curl over HTTP/1.1": (url, ca) => curlClient(url, ca, "--http1.1"),
  "curl over HTTP/2": (url, ca) => curlClient(url, ca, "--http2"),
  "node:https": (url, ca) => Promise.resolve(nodeClient(url, ca)),
  "node:http2": (url, ca) => Promise.resolve(nodeHttp2Client(url, ca)),
};

/** Sent as User-Agent where it matters; Chromium sends it always, as pages cannot set it. */
export const USER_AGENT = "Mozilla/5.0 (X11) Chrome/118.0.5993.70";

/** Makes a report of a status, of fields in pairs and of a body. */
export function told(status: number, raw: readonly string[], body: string): Told {
  const pairs = raw.flatMap((name, at) => at % 2 ? [] : [[name.toLowerCase(), raw[at + 1]!]]);
  return {
    status,
    contentType: pairs.find(([name]) => name === "content-type")?.[1],
    fields: pairs.filter(([name]) => name!.startsWith("x-")).map((pair) => pair.join(": ")).sort(),
    body,
  };
}

async function curlClient(url: string, ca: string, version: string): Promise<Client> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/ca.pem`, ca);
  return {
    async ask({ method = "GET", path, headers = {}, body }) {
      const args = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
      if (body !== undefined) {
        await Deno.writeFile(`${folder}/body`, Buffer.from(body, "latin1"));
        args.push("--data-binary", `@${folder}/body`);
      }
      args.push(...method === "HEAD" ? ["--head"] : ["-X", method]);
      const heads = `${folder}/heads`;
      const { code, stdout, stderr } = await curl(
        ...["--dump-header", heads, "--path-as-is", "--cacert", `${folder}/ca.pem`, version],
        ...args,
        url + path,
      );
      if (code !== 0) throw new Error(`curl failed: ${stderr}`);
      // Informational heads come before the final one, trailers behind it.
      const all = (await Deno.readTextFile(heads)).split("\r\n\r\n");
      const [line, ...lines] = all.find((head) => /^HTTP\/\S+ [2-9]/.test(head))!.split("\r\n");
      const raw = lines.flatMap((text) => [text.replace(/:.*/, ""), text.replace(/^[^:]*: ?/, "")]);
      return told(Number(line!.split(" ")[1]), raw, method === "HEAD" ? "" : stdout);
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function nodeClient(url: string, ca: string): Client {
  return {
    ask: ({ method = "GET", path, headers = {}, body }) =>
      new Promise((resolve, reject) => {
        const request = requestHttps(url + path, { method, headers, ca }, (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => text += chunk.toString("latin1"));
          response.on("end", () => resolve(told(response.statusCode!, response.rawHeaders, text)));
        });
        request.on("error", reject);
        request.end(body ? Buffer.from(body, "latin1") : undefined); // Deno's never ends an empty buffer
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** All requests on one connection. */
function nodeHttp2Client(url: string, ca: string): Client {
  const session = connect(url, { ca });
  session.on("error", () => {});
  return {
    ask: ({ method = "GET", path, headers = {}, body }) =>
      new Promise((resolve, reject) => {
        const stream = session.request(
          { ":method": method, ":path": path, ...headers },
          { endStream: body === undefined },
        );
        let text = "";
        let head: [status: number, raw: string[]] = [0, []];
        stream.on("response", (...args: unknown[]) => {
          head = [Number((args[0] as Record<string, string>)[":status"]), args[2] as string[]];
        });
        stream.on("data", (chunk: Buffer) => text += chunk.toString("latin1"));
        stream.on("end", () => resolve(told(...head, text)));
        stream.on("error", reject);
        if (body !== undefined) stream.end(Buffer.from(body, "latin1"));
      }),
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => session.close(() => resolve()));
    },
  };
}

/** Chromium, by `fetch` of a page of the server's own. */
export async function browserClient(url: string, ca: string): Promise<Client> {
  const browser = await openBrowser(ca);
  const page = await browser.newPage({ userAgent: USER_AGENT });
  const home = await page.goto(`${url}/hello`);
  if (home?.status() !== 200) throw new Error("Chromium does not get the first page");
  return {
    async ask(asked) {
      const [status, raw, body] = await page.evaluate(fetchInPage, asked);
      return told(status, raw, body);
    },
    [Symbol.asyncDispose]: () => browser[Symbol.asyncDispose](),
  };
}

/** Runs in the page. */
async function fetchInPage(
  { method = "GET", path, headers = {}, body }: Asked,
): Promise<[status: number, raw: string[], body: string]> {
  const response = await fetch(path, {
    method,
    headers,
    ...body !== undefined && { body: Uint8Array.from(body, (char) => char.charCodeAt(0)) },
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return [response.status, [...response.headers].flat(), text];
}
