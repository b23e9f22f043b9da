import "npm:reflect-metadata@0.2.2";
import {
  BasicConstraintsExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "npm:@peculiar/x509@1.14.3";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate and its key, in PEM, as `node:tls` takes them. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Certificate authority of one test. */
interface Authority {
  /** The authority's own certificate, in PEM. */
  readonly ca: string;
  /** A certificate for the names: host names, or addresses in `ip:` notation. */
  issue(names: readonly string[], validity?: { from: Date; to: Date }): Promise<Identity>;
}

/** Makes an authority that only a test trusts. */
export async function createAuthority(): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=Test Authority",
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    ca: certificate.toString("pem"),
    issue: (names, validity) => issue(certificate, keys.privateKey, names, validity),
  };
}

async function issue(
  issuer: X509Certificate,
  signingKey: CryptoKey,
  names: readonly string[],
  validity?: { from: Date; to: Date },
): Promise<Identity> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${names[0] ?? "nobody"}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension(names.map(toGeneralName))],
    ...(validity ? { notBefore: validity.from, notAfter: validity.to } : {}),
  });
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { cert: certificate.toString("pem"), key: toPem("PRIVATE KEY", key) };
}

function toGeneralName(name: string): JsonGeneralNames[number] {
  return name.startsWith("ip:")
    ? { type: "ip", value: name.slice(3) }
    : { type: "dns", value: name };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function toPem(label: string, der: Uint8Array<ArrayBuffer>): string {
  const lines = der.toBase64().replace(/.{64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
