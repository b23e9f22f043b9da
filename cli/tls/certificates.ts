import type { Listener } from "../../server/listen_options.ts";
import type { Identity } from "../../server/tls/identity.ts";
import type { TlsOptions } from "../../server/tls/tls_options.ts";
import { CommandError } from "../errors.ts";
import type { ServeCommand } from "../flags/args.ts";
import type { Terminal } from "../telemetry/terminal.ts";
import {
  type CertificateFiles,
  readAuthoritiesOf,
  readCertificate,
  stateOf,
} from "./certificate_files.ts";
import { LocalAuthority } from "./local_authority.ts";
import { trustHint } from "./trust.ts";

/** Time between two checks of the files of a certificate, in milliseconds. */
const LOOK_MILLIS = 1000;
/** Time between two checks of the expiry of the certificate for localhost, in milliseconds. */
const RENEWAL_MILLIS = 3600 * 1000;

/** TLS options of a listener, with the renewal of its certificate. */
interface Certificates {
  readonly tls: TlsOptions;
  /** Sets newer certificates on the listener until it is disposed of. */
  follow(listener: Listener): Disposable;
}

/**
 * Reads, or makes, the certificate that the flags of HTTPS name.
 *
 * @throws {CommandError} If it cannot be read, made or used.
 */
export async function certificatesFor(
  https: NonNullable<ServeCommand["https"]>,
  terminal: Terminal,
): Promise<Certificates> {
  const { files, clientCa, clientAuth } = https;
  const clients = clientCa === undefined
    ? {}
    : { clientCa: await readAuthoritiesOf(clientCa), clientAuth };
  const source = files ? await fromFiles(files, terminal) : await fromAuthority(terminal);
  return { tls: { ...source.identity, ...clients }, follow: source.follow };
}

interface Source extends Pick<Certificates, "follow"> {
  readonly identity: Identity;
}

async function fromFiles(files: CertificateFiles, terminal: Terminal): Promise<Source> {
  const warn = (line: string) => terminal.note("warning", line);
  let state = await stateOf(files).catch(() => "");
  const identity = await readCertificate(files, warn);
  let served = identity;
  const follow = (listener: Listener) =>
    every(LOOK_MILLIS, async () => {
      const now = await stateOf(files).catch(() => undefined);
      // A file that is being replaced may be missing for a moment.
      if (now === undefined || now === state) return;
      state = now;
      try {
        const read = await readCertificate(files, warn);
        // A look may see the change of one file, and read both.
        if (read.cert === served.cert && read.key === served.key) return;
        listener.setCertificate(served = read);
        terminal.note("info", `Serving the new certificate of ${files.cert}`);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        terminal.note("error", `${error.message}: the one before goes on serving`);
      }
    });
  return { identity, follow };
}

async function fromAuthority(terminal: Terminal): Promise<Source> {
  const authority = await LocalAuthority.open();
  if (authority.isNew) {
    terminal.note("info", `Made a certificate authority for this machine, ${authority.file}`);
    for (const line of trustHint(authority.file)) terminal.note("info", line);
  }
  let identity = await authority.leaf();
  const follow = (listener: Listener) =>
    every(RENEWAL_MILLIS, async () => {
      const now = await authority.leaf();
      if (now.cert !== identity.cert) listener.setCertificate(identity = now);
    });
  return { identity, follow };
}

/** Does something again and again, one at a time; a failure waits for the next time. */
function every(millis: number, act: () => Promise<void>): Disposable {
  let timer: ReturnType<typeof setTimeout>;
  let ended = false;
  const wait = () => {
    timer = setTimeout(() => void act().catch(() => {}).then(() => ended || wait()), millis);
  };
  wait();
  return {
    [Symbol.dispose]() {
      ended = true;
      clearTimeout(timer);
    },
  };
}
