import { Buffer } from "node:buffer";
import type { TLSSocket } from "node:tls";
import type { TlsFacts, VerifyResult } from "../../service/client/client_facts.ts";
import { parseClientHello } from "./client_hello.ts";
import { ja3Of, ja4Of } from "./fingerprints.ts";
import { builtin } from "../../service/util/builtins.ts";

/**
 * Returns the facts of a client from its TLS connection.
 *
 * @param hello The ClientHello message.
 * @param asked Whether the server has requested a certificate of the client.
 */
export function tlsFactsOf(socket: TLSSocket, hello: Buffer, asked: boolean): TlsFacts {
  const parsed = parseClientHello(hello);
  const serverName = (socket as { servername?: unknown }).servername;
  return {
    protocol: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    clientHello: hello,
    ...typeof serverName === "string" && serverName && { serverName },
    ...parsed && { ja3: ja3Of(parsed), ja4: ja4Of(parsed) },
    ...asked && certificateFacts(socket),
  };
}

function certificateFacts(socket: TLSSocket): TlsFacts {
  const raw = (socket.getPeerCertificate() as { raw?: Uint8Array } | undefined)?.raw;
  if (!raw) return { verifyResult: "certificate-missing" };
  const base64 = Buffer.from(raw).toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return {
    clientCertificate: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    verifyResult: socket.authorized ? "ok" : verifyResultOf(raw, socket.authorizationError),
  };
}

/** Returns why a certificate is not accepted. The platform names no other reason for one that has expired. */
function verifyResultOf(raw: Uint8Array, error: unknown): VerifyResult {
  try {
    const { validTo } = new (builtin("node:crypto").X509Certificate)(raw);
    if (Date.now() > Date.parse(validTo)) return "certificate-expired";
  } catch {
    return "bad-certificate";
  }
  return /ISSUER|LEAF|SELF_SIGNED/.test(String(error)) ? "unknown-ca" : "bad-certificate";
}
