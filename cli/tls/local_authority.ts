import { X509Certificate } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { checkIdentity, type Identity } from "../../server/tls/identity.ts";
import { CommandError, reasonOf } from "../errors.ts";
import { dataFolder } from "./data_folder.ts";

/** Time before its expiry at which a certificate for localhost is renewed, in milliseconds. */
const RENEWAL = 30 * 24 * 3600 * 1000;
/** Certificate and key of the authority. */
const AUTHORITY = "authority.pem";
/** File with the certificate alone, which may be public. */
const PUBLIC = "ca.pem";
/** Certificate and key for localhost. */
const LEAF = "localhost.pem";

/**
 * The user's own certificate authority, which is made when it is first needed and then kept. It issues certificates for
 * localhost alone.
 */
export class LocalAuthority {
  readonly #folder: string;
  readonly #authority: Identity;
  /** Whether it was made just now. */
  readonly isNew: boolean;

  private constructor(folder: string, authority: Identity, isNew: boolean) {
    this.#folder = folder;
    this.#authority = authority;
    this.isNew = isNew;
  }

  /** File with its certificate, in PEM. */
  get file(): string {
    return join(this.#folder, PUBLIC);
  }

  /** @throws {CommandError} If it cannot be read or kept. */
  static async open(folder: string = dataFolder()): Promise<LocalAuthority> {
    try {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      const kept = await readValid(join(folder, AUTHORITY), 0);
      const authority = kept ?? await create(folder);
      const opened = new LocalAuthority(folder, authority, !kept);
      await writeIfOther(opened.file, authority.cert, 0o644);
      return opened;
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new CommandError(
        `Cannot keep a certificate authority in ${folder}: ${
          reasonOf(error)
        } (use --cert and --key)`,
      );
    }
  }

  /** Returns a certificate for localhost that is valid for a month at least. */
  async leaf(): Promise<Identity> {
    const file = join(this.#folder, LEAF);
    const kept = await readValid(file, RENEWAL);
    if (kept && isIssuedBy(kept, this.#authority)) return kept;
    const { makeLeaf } = await import("./make_certificates.ts");
    const leaf = await makeLeaf(this.#authority);
    await replace(file, leaf.cert + leaf.key, 0o600);
    return leaf;
  }
}

/** Makes an authority, unless another process has done so meanwhile. */
async function create(folder: string): Promise<Identity> {
  const file = join(folder, AUTHORITY);
  const { makeAuthority } = await import("./make_certificates.ts");
  const authority = await makeAuthority(`fastlike local authority (${whose()})`);
  const temporary = await writeBeside(file, authority.cert + authority.key, 0o600);
  try {
    await Deno.link(temporary, file);
    return authority;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const kept = await readValid(file, 0);
    if (kept) return kept;
    await Deno.rename(temporary, file); // the old one has expired, or is none
    return authority;
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

function whose(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
}

/** Reads certificate and key of a file; undefined if there are none that are valid for so long. */
async function readValid(file: string, millis: number): Promise<Identity | undefined> {
  let text: string;
  try {
    const { mode } = await Deno.stat(file);
    if (mode !== null && mode & 0o077) await Deno.chmod(file, 0o600);
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const at = text.indexOf("-----BEGIN PRIVATE KEY-----");
  if (at < 0) return undefined;
  const identity = { cert: text.slice(0, at), key: text.slice(at) };
  try {
    checkIdentity(identity, Date.now() + millis);
    return identity;
  } catch {
    return undefined;
  }
}

function isIssuedBy({ cert }: Identity, authority: Identity): boolean {
  return new X509Certificate(cert).verify(new X509Certificate(authority.cert).publicKey);
}

async function writeIfOther(file: string, text: string, mode: number): Promise<void> {
  const old = await Deno.readTextFile(file).catch(() => undefined);
  if (old !== text) await replace(file, text, mode);
}

/** Writes a file as a whole: no other process reads a part of it. */
async function replace(file: string, text: string, mode: number): Promise<void> {
  await Deno.rename(await writeBeside(file, text, mode), file);
}

async function writeBeside(file: string, text: string, mode: number): Promise<string> {
  const temporary = `${file}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(temporary, text, { mode, createNew: true });
  return temporary;
}
