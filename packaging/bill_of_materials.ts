interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/** Package inside an executable: a component in the words of CycloneDX. */
interface Component {
  readonly type: "library" | "application";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: "SHA-512"; readonly content: string }[];
}

/** Software bill of materials (CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/). */
interface BillOfMaterials {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.6";
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
}

/**
 * Returns the bill of materials of an executable: Deno's runtime, V8, and the packages of the lock file that it is
 * compiled with.
 *
 * @param version Version of fastlike.
 * @param lock The lock file.
 * @param runtime What the compiler says to `--version`.
 */
export async function billOfMaterials(
  version: string,
  lock: URL,
  runtime: string,
): Promise<BillOfMaterials> {
  const { npm }: Lock = JSON.parse(await Deno.readTextFile(lock));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        name: "fastlike",
        version,
        purl: `pkg:npm/fastlike@${version}`,
      },
    },
    components: [
      ...runtimeOf(runtime),
      ...Object.entries(npm).map(([key, { integrity }]) => componentOf(key, integrity)),
    ],
  };
}

/** Deno and V8, as in `deno 2.9.6 (stable, release, x86_64-unknown-linux-gnu)`, then `v8 14.9.207.2-rusty`. */
function runtimeOf(text: string): Component[] {
  const found = [/^deno ([\w.+-]+)/m, /^v8 (\d+(?:\.\d+)*)/m].map((line) => line.exec(text)?.[1]);
  const [deno, v8] = found;
  if (!deno || !v8) throw new Error(`Cannot list the runtime: the compiler says ${text}`);
  return [
    {
      type: "application",
      name: "deno",
      version: deno,
      purl: `pkg:github/denoland/deno@v${deno}`,
    },
    { type: "library", name: "v8", version: v8, purl: `pkg:github/v8/v8@${v8}` },
  ];
}

function componentOf(key: string, integrity: string): Component {
  const [, name, version] = /^(@?[^@]+)@([^_]+)/.exec(key)!;
  return {
    type: "library",
    name: name!,
    version: version!,
    purl: `pkg:npm/${name!.replace("@", "%40")}@${version}`,
    hashes: [{ alg: "SHA-512", content: Uint8Array.fromBase64(integrity.slice(7)).toHex() }],
  };
}
