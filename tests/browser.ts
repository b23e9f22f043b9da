import { type Browser, chromium } from "npm:playwright-core@1.64.1";
import { command } from "./cli/commands.ts";

const PROGRAM = "/usr/bin/chromium";

/** Whether there is a Chromium, and the program that gives it authorities. */
export const HAS_BROWSER: boolean = exists(PROGRAM) && exists("/usr/bin/certutil");

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A Chromium with a home of its own, which trusts one more authority and ignores no error. */
export async function openBrowser(ca: string): Promise<Browser & AsyncDisposable> {
  const home = await Deno.makeTempDir();
  const database = `${home}/.pki/nssdb`;
  await Deno.mkdir(database, { recursive: true });
  await Deno.writeTextFile(`${home}/ca.pem`, ca);
  const certutil = async (...args: string[]) => {
    const { code, stderr } = await command("certutil", ["-d", `sql:${database}`, ...args]);
    if (code !== 0) throw new Error(`certutil failed: ${stderr}`);
  };
  await certutil("-N", "--empty-password");
  await certutil("-A", "-t", "C,,", "-n", "test", "-i", `${home}/ca.pem`);
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
    env: { ...Deno.env.toObject(), HOME: home },
  });
  return Object.assign(browser, {
    async [Symbol.asyncDispose]() {
      await browser.close();
      await Deno.remove(home, { recursive: true });
    },
  });
}
