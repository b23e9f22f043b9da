/** The command line makes no sense; the message is one line for whoever typed it. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The command cannot do its work; the message is one line for whoever typed it. */
export class CommandError extends Error {
  override name = "CommandError";
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EADDRINUSE: "the address is in use",
  EACCES: "permission is denied",
  EADDRNOTAVAIL: "this machine does not have that address",
  EINVAL: "this machine does not have that address",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host's name cannot be looked up",
};

/** Why the system refused, in a few words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code && REASONS[code]) return REASONS[code];
  return String(message ?? error).split("\n")[0]!;
}
