import { join } from "node:path";

/** Name of the authority in stores that have names. */
const NAME = "fastlike local authority";

/** A command line, word by word. */
type CommandLine = readonly string[];

/** A store of certificates that may trust the authority. */
export interface TrustStore {
  /** Programs that use the store, in words that begin a sentence. */
  readonly users: string;
  /** Commands that make it trust the file, in order. */
  readonly add: readonly CommandLine[];
  /** Commands that take that back. */
  readonly remove: readonly CommandLine[];
  /** Whether only the administrator may change it. */
  readonly system: boolean;
  /** Package that has the program, where it may be missing. */
  readonly needs?: string;
}

/** Properties of a machine that its stores depend on. */
export interface Machine {
  readonly os: typeof Deno.build.os;
  readonly home: string;
  exists(path: string): boolean;
  /** Folders of Firefox's profiles. */
  readonly profiles: readonly string[];
}

/** Returns the machine that the process runs on. */
export function thisMachine(): Machine {
  const home = Deno.env.get(Deno.build.os === "windows" ? "USERPROFILE" : "HOME") ?? "";
  return { os: Deno.build.os, home, exists, profiles: profilesIn(home) };
}

/**
 * Returns the stores of a machine that can trust a certificate.
 *
 * @param file Certificate in PEM.
 */
export function trustStores(file: string, machine: Machine): readonly TrustStore[] {
  const { os, home } = machine;
  if (os === "darwin") {
    const keychain = join(home, "Library", "Keychains", "login.keychain-db");
    return [{
      users: "Safari, Chrome and programs of macOS",
      add: [["security", "add-trusted-cert", "-r", "trustRoot", "-k", keychain, file]],
      remove: [["security", "remove-trusted-cert", file]],
      system: false,
    }, ...firefox(file, machine)];
  }
  if (os === "windows") {
    return [{
      users: "Edge, Chrome and programs of Windows",
      add: [["certutil", "-user", "-addstore", "Root", file]],
      remove: [["certutil", "-user", "-delstore", "Root", NAME]],
      system: false,
    }];
  }
  const database = join(home, ".pki", "nssdb");
  const made = machine.exists(join(database, "cert9.db"));
  const chromium = nssStore("Chromium and Chrome", database, file);
  const create: readonly CommandLine[] = made
    ? []
    : [["mkdir", "-p", database], ["certutil", "-d", `sql:${database}`, "-N", "--empty-password"]];
  return [
    { ...chromium, add: [...create, ...chromium.add], remove: made ? chromium.remove : [] },
    ...firefox(file, machine),
    ...systemStore(file, machine),
  ];
}

/** Returns lines that say how to trust the authority. */
export function trustHint(file: string): readonly string[] {
  const byUser = trustStores(file, thisMachine());
  const system = byUser.find(({ system }) => system);
  return [
    "Browsers trust it after: fastlike trust",
    ...system ? [`The system's programs trust it after: ${shown(system, "add")}`] : [],
    `curl trusts it with: --cacert ${shellWord(file)}`,
  ];
}

/** Returns commands as one line for a shell; those for the administrator with sudo. */
export function shown(store: TrustStore, what: "add" | "remove"): string {
  return store[what].map((words) =>
    (store.system ? ["sudo", ...words] : words).map(shellWord).join(" ")
  ).join(" && ");
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function firefox(file: string, { profiles }: Machine): TrustStore[] {
  return profiles.map((profile) => nssStore("Firefox", profile, file));
}

function nssStore(users: string, database: string, file: string): TrustStore {
  const certutil = ["certutil", "-d", `sql:${database}`];
  return {
    users: `${users} (${database})`,
    add: [[...certutil, "-A", "-t", "C,,", "-n", NAME, "-i", file]],
    remove: [[...certutil, "-D", "-n", NAME]],
    system: false,
    needs: "libnss3-tools (nss-tools on Fedora, nss on Arch)",
  };
}

/** Folders of distributions for authorities that an administrator adds, with the commands that read them. */
const SYSTEM: readonly { readonly folder: string; readonly suffix: string; update: CommandLine }[] =
  [
    {
      folder: "/usr/local/share/ca-certificates",
      suffix: ".crt",
      update: ["update-ca-certificates"],
    },
    {
      folder: "/etc/pki/ca-trust/source/anchors",
      suffix: ".pem",
      update: ["update-ca-trust", "extract"],
    },
    {
      folder: "/etc/ca-certificates/trust-source/anchors",
      suffix: ".pem",
      update: ["trust", "extract-compat"],
    },
  ];

function systemStore(file: string, { exists }: Machine): TrustStore[] {
  const found = SYSTEM.find(({ folder }) => exists(folder));
  if (!found) return [];
  const copy = join(found.folder, `fastlike${found.suffix}`);
  return [{
    users: "curl and other programs of the system",
    add: [["cp", file, copy], found.update],
    remove: [["rm", "-f", copy], found.update],
    system: true,
  }];
}

function profilesIn(home: string): string[] {
  const folders = [
    join(home, ".mozilla", "firefox"),
    join(home, "snap", "firefox", "common", ".mozilla", "firefox"),
    join(home, "Library", "Application Support", "Firefox", "Profiles"),
  ];
  return folders.flatMap((folder) => {
    try {
      return Array.from(Deno.readDirSync(folder), ({ name }) => join(folder, name));
    } catch {
      return [];
    }
  }).filter((profile) => exists(join(profile, "cert9.db")));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
