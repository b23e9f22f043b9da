import { checkIdentity, day, type Identity } from "../../server/tls/identity.ts";
import { CommandError, reasonOf } from "../errors.ts";

/** Milliseconds before the end of a certificate at which its user is warned. */
const SOON = 7 * 24 * 3600 * 1000;

/** Files of a certificate and of its key. */
export interface CertificateFiles {
  readonly cert: string;
  /** The same file where it has both. */
  readonly key: string;
}

/**
 * Reads a certificate and its key.
 *
 * @param warn Called with a line if the certificate ends soon.
 * @throws {CommandError} If they cannot be read or used.
 */
export async function readCertificate(
  files: CertificateFiles,
  warn: (line: string) => void,
): Promise<Identity> {
  const identity = { cert: await readText(files.cert), key: await readText(files.key) };
  let end: Date;
  try {
    end = checkIdentity(identity);
  } catch (error) {
    throw new CommandError(`Cannot use ${namesOf(files)}: ${(error as Error).message}`);
  }
  if (end.getTime() - Date.now() < SOON) warn(`The certificate ${files.cert} ends on ${day(end)}`);
  return identity;
}

/**
 * Reads certificates in PEM.
 *
 * @throws {CommandError} If they cannot be read, or there are none.
 */
export async function readAuthoritiesOf(file: string): Promise<string> {
  const text = await readText(file);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new CommandError(`Cannot use ${file}: it has no certificate in PEM`);
}

/** Returns a text that differs after each change of one of the files, also if their names are links. */
export async function stateOf({ cert, key }: CertificateFiles): Promise<string> {
  const states = [cert, key].map(async (file) => {
    const { ino, mtime, size } = await Deno.stat(file);
    return `${ino} ${mtime?.getTime()} ${size}`;
  });
  return (await Promise.all(states)).join(", ");
}

async function readText(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${reasonOf(error)}`);
  }
}

function namesOf({ cert, key }: CertificateFiles): string {
  return cert === key ? cert : `${cert} and ${key}`;
}
