import { join } from "node:path";
import { Cli, CliServer } from "../../process.ts";

/** A guest that answers a text. */
export function guest(text: string): string {
  return `(module
    (import "fastly_http_resp" "new" (func $resp (param i32) (result i32)))
    (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
    (import "fastly_http_body" "write"
      (func $write (param i32 i32 i32 i32 i32) (result i32)))
    (import "fastly_http_resp" "send_downstream"
      (func $send (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "${text}")
    (func (export "_start")
      (drop (call $resp (i32.const 0)))
      (drop (call $body (i32.const 4)))
      (drop (call $write (i32.load (i32.const 4)) (i32.const 100) (i32.const ${text.length})
        (i32.const 0) (i32.const 8)))
      (drop (call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))`;
}

/** A folder with a project's files, and the executable that serves it. */
export class Project implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  /** Environment of the executable, and of the builds that it runs. */
  env: Readonly<Record<string, string>> = {};
  #cli: Cli | undefined;
  #url = "";

  async write(path: string, text: string | Uint8Array): Promise<void> {
    await Deno.mkdir(join(this.folder, path, ".."), { recursive: true });
    // Beside the folder, whose watch is to see one change.
    const whole = `${this.folder}.new`;
    if (typeof text === "string") await Deno.writeTextFile(whole, text);
    else await Deno.writeFile(whole, text);
    await Deno.rename(whole, join(this.folder, path));
  }

  async serve(...args: string[]): Promise<void> {
    const cli = new Cli([...args, "--bind", "localhost:0"], { cwd: this.folder, env: this.env });
    this.#cli = cli;
    this.#url = (await CliServer.of(cli)).url;
  }

  get cli(): Cli {
    return this.#cli!;
  }

  async ask(path = "/", init?: RequestInit): Promise<string> {
    return await (await fetch(this.#url + path, init)).text();
  }

  /** Replaces a text in a file. */
  async edit(path: string, from: string, to: string): Promise<void> {
    const text = await Deno.readTextFile(join(this.folder, path));
    if (!text.includes(from)) throw new Error(`Cannot find "${from}" in ${path}`);
    await this.write(path, text.replace(from, to));
  }

  /** Waits for reloads until the program's answer is this one. */
  async answers(text: string): Promise<void> {
    do await this.told(/^info: Reloaded in/); while (await this.ask() !== text);
  }

  /** Waits for a line on standard error. */
  async told(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = await this.cli.line("stderr");
      if (pattern.test(line)) return line;
    }
  }

  async events(): Promise<{ next(): Promise<string>; end(): Promise<void> }> {
    const response = await fetch(`${this.#url}/.fastlike/reload`);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    return {
      next: async () => (await reader.read()).value ?? "",
      end: () => reader.cancel(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cli?.[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}
