import type { X509Certificate } from "node:crypto";
import { builtin } from "../../service/util/builtins.ts";

/** A server's certificate with its key. */
export interface Identity {
  /** Certificate in PEM, followed by those of the authorities between it and a root. */
  readonly cert: string;
  /** Private key in PEM, without a passphrase. */
  readonly key: string;
}

/**
 * Checks that TLS can use a certificate and a key: `node:tls` would report a mistake only at each handshake.
 *
 * @returns End of the certificate's validity.
 * @throws {TypeError} If it cannot; the message is a clause that says why.
 */
export function checkIdentity({ cert, key }: Identity, now = Date.now()): Date {
  const certificate = certificateOf(cert);
  let privateKey;
  try {
    privateKey = builtin("node:crypto").createPrivateKey(key);
  } catch {
    throw new TypeError(
      /^-----BEGIN (ENCRYPTED|RSA)[^-]*-----\s+Proc-Type|-----BEGIN ENCRYPTED/m.test(key)
        ? "the key has a passphrase (openssl pkey writes it without one)"
        : "the key is not a private key in PEM",
    );
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TypeError("the key is not that of the certificate");
  }
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  if (now > to.getTime()) throw new TypeError(`the certificate has expired on ${day(to)}`);
  if (now < from.getTime()) throw new TypeError(`the certificate is not valid before ${day(from)}`);
  return to;
}

function certificateOf(cert: string): X509Certificate {
  try {
    if (cert.includes("-----BEGIN CERTIFICATE-----")) {
      return new (builtin("node:crypto").X509Certificate)(cert);
    }
  } catch {
    // it is reported below
  }
  throw new TypeError("the certificate is not one in PEM");
}

/** Returns a date for messages, such as 2030-01-31. */
export function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
