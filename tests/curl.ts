/** Output of curl. */
interface CurlOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs curl, which reads no settings of the user. */
export async function curl(...args: string[]): Promise<CurlOutput> {
  const { code, stdout, stderr } = await new Deno.Command("curl", {
    args: ["-q", "-sS", "--max-time", "60", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) =>
    Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
