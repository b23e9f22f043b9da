/** Request that a measurement repeats. */
export interface Case {
  readonly name: string;
  readonly path: string;
  /** Request that is sent once before. */
  readonly prepare?: { readonly method: string; readonly path: string };
}

export const HELLO: Case = { name: "hello", path: "/hello" };
const CACHE_HIT: Case = {
  name: "cache hit",
  path: "/cache/simple?key=a", // the official host supports no more of a found object than its body
  prepare: { method: "POST", path: "/cache/simple?key=a" },
};
const KV_READ: Case = {
  name: "KV read",
  path: "/kv/get?key=a",
  prepare: { method: "PUT", path: "/kv/put?key=a" },
};

export const PROXIED: Case = { name: "proxied", path: "/proxy/origin/" };

/** Cases by guest. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  hello: [HELLO],
  rust: [HELLO, CACHE_HIT, KV_READ, PROXIED],
  "rust-2020": [HELLO],
  assemblyscript: [HELLO],
  go: [HELLO, PROXIED],
  javascript: [HELLO, CACHE_HIT, KV_READ, PROXIED],
  "rust-component": [HELLO],
  python: [HELLO],
};

/** Prepares a server for a case. */
export async function prepare({ prepare }: Case, origin: string): Promise<void> {
  if (!prepare) return;
  const { method, path } = prepare;
  const response = await fetch(origin + path, { method, body: "x".repeat(100) });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot prepare: ${response.status} ${text.trim()}`);
}
