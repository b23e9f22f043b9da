import { CommandError, reasonOf } from "./errors.ts";

/**
 * The authorities that `SSL_CERT_FILE` names in place of the system's, as OpenSSL does; nothing if it is not set.
 *
 * @throws {CommandError} If the file cannot be read, or has no certificate in it.
 */
export function readAuthorities(): { readonly ca?: string } {
  const file = Deno.env.get("SSL_CERT_FILE");
  if (!file) return {};
  let ca: string;
  try {
    ca = Deno.readTextFileSync(file);
  } catch (error) {
    throw new CommandError(`Cannot read ${file}, which SSL_CERT_FILE names: ${reasonOf(error)}`);
  }
  if (ca.includes("-----BEGIN CERTIFICATE-----")) return { ca };
  throw new CommandError(`Cannot use ${file}, which SSL_CERT_FILE names: it has no certificate`);
}
