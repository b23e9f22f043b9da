import { join } from "node:path";
import type { CodeCache } from "../service/util/code_cache.ts";
import { turn } from "../service/util/turns.ts";
import { readWhole } from "./read_whole.ts";

/** Most bytes of all files; those that were used longest ago are removed first. */
const MAX_BYTES = 512 * 2 ** 20;
/** Time before code is written, in milliseconds, so that the first requests go first. */
const DELAY = 1000;
/** Time after which a file that was not finished is another process's no more, in milliseconds. */
const ABANDONED = 10 * 60_000;
/** Bytes that are summed or written in one turn of the event loop. */
const PIECE = 1 << 20;
/** Bytes of the CRC-32 that each file begins with. */
const SUM = 4;

/**
 * Folder of code that was made of programs. Each file begins with the CRC-32 of the rest, and is used only if that is
 * right; a SHA-256 would take longer than all else at the start of a large program. Any number of processes may share the
 * folder: a file appears under its name when it is whole. A folder that others may write to is not used, since its files
 * are run.
 */
export class CodeFolder implements CodeCache {
  readonly #folder: string;
  readonly #most: number;
  readonly #delay: number;
  #usable: Promise<boolean> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param folder The folder, which is made with the first file. */
  constructor(folder: string, { most = MAX_BYTES, delay = DELAY } = {}) {
    this.#folder = folder;
    this.#most = most;
    this.#delay = delay;
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.#pathOf(key);
    try {
      if (!await isPrivate(this.#folder)) return undefined;
      const bytes = await readWhole(path);
      const rest = bytes.subarray(SUM);
      const { crc32 } = await import("node:zlib");
      if (bytes.length < SUM || crc32(rest) !== new Uint32Array(bytes.buffer, 0, 1)[0]) {
        await Deno.remove(path);
        return undefined;
      }
      const now = new Date();
      Deno.utime(path, now, now).catch(() => {});
      return rest;
    } catch {
      return undefined;
    }
  }

  put(key: string, bytes: readonly Uint8Array<ArrayBuffer>[]): void {
    const { promise: due, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#delay);
    if (this.#delay) Deno.unrefTimer(timer); // a process that ends sooner keeps nothing
    this.#writing = Promise.all([this.#writing, due]).then(() => this.#write(key, bytes))
      .catch(() => {}); // the program is loaded all the same, also by the next process
  }

  /** Resolves when all is written that was put, or could not be. */
  get written(): Promise<void> {
    return this.#writing;
  }

  #pathOf(key: string): string {
    // V8 decides which modules are valid, so the code is that of its version.
    return join(this.#folder, `${key}-${Deno.version.v8}`);
  }

  async #write(key: string, parts: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    this.#usable ??= this.#open();
    const path = this.#pathOf(key);
    if (!await this.#usable || await exists(path)) return;
    const { crc32 } = await import("node:zlib");
    const sum = new Uint32Array(1);
    for (const piece of piecesOf(parts)) {
      sum[0] = crc32(piece, sum[0]);
      await turn();
    }
    const unfinished = `${path}.${crypto.randomUUID()}`;
    try {
      {
        using file = await Deno.open(unfinished, { write: true, createNew: true, mode: 0o600 });
        await writeAll(file, new Uint8Array(sum.buffer));
        for (const piece of piecesOf(parts)) await writeAll(file, piece);
      }
      await Deno.rename(unfinished, path);
    } catch (error) {
      await Deno.remove(unfinished).catch(() => {});
      throw error;
    }
    await this.#trim();
  }

  /** Makes the folder; tells whether its owner alone may write to it. */
  async #open(): Promise<boolean> {
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    return await isPrivate(this.#folder);
  }

  /** Removes files until the rest are within the limit, and those that a process has not finished. */
  async #trim(): Promise<void> {
    const files = [];
    for await (const { name, isFile } of Deno.readDir(this.#folder)) {
      if (!isFile || !/^[0-9a-f]{64}-/.test(name)) continue;
      const path = join(this.#folder, name);
      const info = await Deno.stat(path).catch(() => undefined); // another process may have removed it
      if (info) files.push({ path, size: info.size, used: info.mtime?.getTime() ?? 0 });
    }
    files.sort((one, other) => other.used - one.used);
    let total = 0;
    for (const { path, size, used } of files) {
      total += size;
      const abandoned = !path.endsWith(`-${Deno.version.v8}`) && /\.[0-9a-f-]{36}$/.test(path) &&
        used < Date.now() - ABANDONED;
      if (total > this.#most || abandoned) await Deno.remove(path).catch(() => {});
    }
  }
}

/** Variable with the folder of code, or `off`. */
const VARIABLE = "FASTLIKE_CODE_CACHE";

/**
 * Returns the folder of code to use; undefined for none, and where this process may not use one.
 *
 * @param named Value of `--code-cache`: a folder, or `off`. By default the value of the variable `FASTLIKE_CODE_CACHE`, or a
 *   folder among the user's caches.
 */
export function codeCacheOf(named: string | undefined): CodeFolder | undefined {
  if (!isGranted({ name: "env" }) || !isGranted({ name: "sys", kind: "uid" })) return undefined;
  const folder = named || Deno.env.get(VARIABLE) || cacheFolder();
  if (folder === undefined || folder === "off") return undefined;
  const access = (["read", "write"] as const).map((name) => isGranted({ name, path: folder }));
  return access.every(Boolean) ? new CodeFolder(folder) : undefined;
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** Returns the folder for code among the caches of the user; undefined if the environment names no home. */
export function cacheFolder(
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  const named = environment("XDG_CACHE_HOME");
  if (named) return join(named, "fastlike", "code");
  const home = environment(os === "windows" ? "LOCALAPPDATA" : "HOME");
  if (!home) return undefined;
  if (os === "windows") return join(home, "fastlike", "code");
  if (os === "darwin") return join(home, "Library", "Caches", "fastlike", "code");
  return join(home, ".cache", "fastlike", "code");
}

/** Tells whether only this process's user may write to a folder. */
async function isPrivate(folder: string): Promise<boolean> {
  const { isDirectory, mode, uid } = await Deno.stat(folder);
  if (Deno.build.os === "windows") return isDirectory; // it is in the user's own profile
  return isDirectory && ((mode ?? 0) & 0o077) === 0 && uid === Deno.uid();
}

function* piecesOf(parts: readonly Uint8Array<ArrayBuffer>[]): Generator<Uint8Array<ArrayBuffer>> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PIECE) yield part.subarray(at, at + PIECE);
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
