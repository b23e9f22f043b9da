/** Error for a command line that is not valid: the process exits with 2. The message is one line for the user. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Error of a command: the process exits with 1. The message is one line for the user. */
export class CommandError extends Error {
  override name = "CommandError";
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EADDRINUSE: "the address is in use",
  EACCES: "permission is denied",
  EEXIST: "there is something else of that name",
  ELOOP: "its links lead back to it",
  ENAMETOOLONG: "its name is too long",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is no folder",
  EROFS: "the file system is read-only",
  EADDRNOTAVAIL: "this machine does not have that address",
  EINVAL: "this machine does not have that address",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host's name cannot be looked up",
};

/** Returns the reason of a system error in a few words: by its code, or the first line of its message. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code && REASONS[code]) return REASONS[code];
  return String(message ?? error).split("\n")[0]!;
}
