/**
 * Part of the package `@peculiar/x509` that is used. Its own types are not imported: installing fastlike would download it.
 *
 * @typeParam Subject Parsed name.
 * @typeParam Key Parsed public key.
 * @typeParam Extension Extension of a certificate.
 */
export interface X509<Subject = unknown, Key = unknown, Extension = unknown> {
  readonly X509Certificate: new (pem: string) => Certificate<Subject, Key>;
  readonly X509CertificateGenerator: {
    create(
      params: Params<Extension> & {
        readonly subject: Name;
        readonly issuer: Subject;
        readonly publicKey: CryptoKey;
        readonly signingKey: CryptoKey;
      },
    ): Promise<Certificate>;
    createSelfSigned(
      params: Params<Extension> & { readonly name: Name; readonly keys: CryptoKeyPair },
    ): Promise<Certificate>;
  };
  readonly Extension: new (type: string, critical: boolean, value: BufferSource) => Extension;
  readonly BasicConstraintsExtension: new (
    ca: boolean,
    pathLength?: number,
    critical?: boolean,
  ) => Extension;
  readonly KeyUsagesExtension: new (usages: number, critical?: boolean) => Extension;
  readonly ExtendedKeyUsageExtension: new (usages: string[]) => Extension;
  readonly SubjectAlternativeNameExtension: new (
    names: { readonly type: "dns" | "ip"; readonly value: string }[],
  ) => Extension;
  readonly SubjectKeyIdentifierExtension: { create(key: CryptoKey): Promise<Extension> };
  readonly AuthorityKeyIdentifierExtension: { create(key: Key): Promise<Extension> };
  readonly KeyUsageFlags: Readonly<Record<"digitalSignature" | "keyCertSign" | "cRLSign", number>>;
  readonly ExtendedKeyUsage: { readonly serverAuth: string };
}

/** The package that it is in. */
export const MAKER = "npm:@peculiar/x509@1.14.3";
/** Package that it depends on, but does not load. */
export const METADATA = "npm:reflect-metadata@0.2.2";

/** Certificate that was made or read. */
export interface Certificate<Subject = unknown, Key = unknown> {
  /** Subject, as an issuer of others. */
  readonly subjectName: Subject;
  readonly publicKey: Key;
  toString(format: "pem"): string;
}

/** Parts of a distinguished name, in order. */
type Name = Record<string, string[]>[];

interface Params<Extension> {
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly signingAlgorithm: { readonly name: string; readonly hash: string };
  readonly extensions: Extension[];
}
