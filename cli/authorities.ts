import { CommandError, reasonOf } from "./errors.ts";

/**
 * Reads the certificate authorities of the file that `SSL_CERT_FILE` names, which replace the system's as in OpenSSL.
 *
 * @returns The option `ca`; an empty object if the variable is not set.
 * @throws {CommandError} If the file cannot be read, or has no certificate.
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
