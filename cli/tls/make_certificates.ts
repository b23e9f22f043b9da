import { loadPackage } from "../../drivers/package.ts";
import type { Identity } from "../../server/tls/identity.ts";
import { tell } from "../tell.ts";
import { type Certificate, MAKER, METADATA, type X509 } from "./x509.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 90;
/** Clocks of other machines may be late. */
const EARLIER = DAY;

/** Makes an authority whose certificates are accepted for this machine's own names only, even if its key is stolen. */
export async function makeAuthority(name: string): Promise<Identity> {
  const {
    BasicConstraintsExtension,
    Extension,
    KeyUsageFlags,
    KeyUsagesExtension,
    SubjectKeyIdentifierExtension,
    X509CertificateGenerator,
  } = await loadX509();
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ O: ["fastlike"] }, { CN: [name] }],
    ...validFor(AUTHORITY_DAYS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new Extension(NAME_CONSTRAINTS, true, localNames()),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return identityOf(certificate, keys);
}

/** Makes a certificate for `localhost`, 127.0.0.1 and ::1. */
export async function makeLeaf(authority: Identity): Promise<Identity> {
  const {
    AuthorityKeyIdentifierExtension,
    BasicConstraintsExtension,
    ExtendedKeyUsage,
    ExtendedKeyUsageExtension,
    KeyUsageFlags,
    KeyUsagesExtension,
    SubjectAlternativeNameExtension,
    X509Certificate,
    X509CertificateGenerator,
  } = await loadX509();
  const issuer = new X509Certificate(authority.cert);
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: [{ O: ["fastlike"] }, { CN: ["localhost"] }],
    issuer: issuer.subjectName,
    ...validFor(LEAF_DAYS),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
      ]),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return await identityOf(certificate, keys);
}

/** Loads the library for certificates, after the package that it depends on. */
async function loadX509(): Promise<X509> {
  const options = { use: "certificates of this machine's own", tell, after: METADATA } as const;
  return await loadPackage<X509>(MAKER, options);
}

const NAME_CONSTRAINTS = "2.5.29.30";

/** NameConstraints (RFC 5280, section 4.2.1.10) that permit `localhost`, 127.0.0.0/8 and ::1, in DER. */
function localNames(): Uint8Array<ArrayBuffer> {
  const sequence = (tag: number, parts: readonly number[]) => [tag, parts.length, ...parts];
  const zeros = (count: number) => Array<number>(count).fill(0);
  const name = [...new TextEncoder().encode("localhost")];
  const ipv4 = [127, 0, 0, 0, 255, 0, 0, 0];
  const ipv6 = [...zeros(15), 1, ...zeros(16).fill(255)];
  const subtrees = [sequence(0x82, name), sequence(0x87, ipv4), sequence(0x87, ipv6)]
    .flatMap((base) => sequence(0x30, base));
  return Uint8Array.from(sequence(0x30, sequence(0xa0, subtrees)));
}

function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - EARLIER), notAfter: new Date(now + days * DAY) };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function importKey(pem: string): Promise<CryptoKey> {
  const der = Uint8Array.fromBase64(pem.replace(/-----[^-]+-----/g, ""));
  return crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

async function identityOf(
  certificate: Certificate,
  { privateKey }: CryptoKeyPair,
): Promise<Identity> {
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  const lines = der.toBase64().replace(/.{64}(?=.)/g, "$&\n");
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  };
}
