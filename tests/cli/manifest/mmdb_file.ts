/** Value in a MaxMind database. */
type Value = string | number | boolean | readonly Value[] | {
  readonly [key: string]: Value;
};

type Tree = [Node, Node];
type Node = Tree | number | undefined;

const encoder = new TextEncoder();
const RECORD_BITS = 24;

/**
 * Writes a MaxMind database (format 2.0) with records of 24 bits.
 *
 * @param ranges The bits of a range, as `0101`, with its record.
 */
export function mmdbFile(
  ipVersion: 4 | 6,
  ranges: readonly (readonly [bits: string, record: Value])[],
): Uint8Array {
  const root: Tree = [undefined, undefined];
  const data: number[] = [];
  for (const [bits, record] of ranges) {
    put(root, bits, data.length);
    data.push(...encode(record));
  }
  const nodes: Tree[] = [];
  collect(root, nodes);
  const indexes = new Map(nodes.map((node, i) => [node, i]));
  const pointer = (node: Node) => {
    if (node === undefined) return nodes.length;
    return typeof node === "number" ? nodes.length + 16 + node : indexes.get(node)!;
  };
  const tree = nodes.flatMap((node) => node.flatMap((side) => bytesOf(pointer(side), 3)));
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: "Test",
    description: { en: "for tests" },
    ip_version: ipVersion,
    languages: ["en"],
    node_count: nodes.length,
    record_size: RECORD_BITS,
  });
  const marker = [0xab, 0xcd, 0xef, ...encoder.encode("MaxMind.com")];
  return Uint8Array.from([...tree, ...Array(16).fill(0), ...data, ...marker, ...metadata]);
}

/** The bits of an IPv4 range, in a tree of that version or among the 128 bits of the other. */
export function bitsOf(range: string, ipVersion: 4 | 6): string {
  const [address, length] = range.split("/");
  const bits = address!.split(".").map((part) => Number(part).toString(2).padStart(8, "0"));
  return (ipVersion === 6 ? "0".repeat(96) : "") + bits.join("").slice(0, Number(length));
}

function put(tree: Tree, bits: string, offset: number): void {
  const side = Number(bits[0]) as 0 | 1;
  if (bits.length === 1) {
    tree[side] = offset;
    return;
  }
  const next = tree[side] ??= [undefined, undefined];
  if (typeof next !== "number") put(next, bits.slice(1), offset);
}

function collect(tree: Tree, nodes: Tree[]): void {
  nodes.push(tree);
  for (const side of tree) if (Array.isArray(side)) collect(side, nodes);
}

function encode(value: Value): number[] {
  if (typeof value === "string") {
    const bytes = encoder.encode(value);
    return [...control(2, bytes.length), ...bytes];
  }
  if (typeof value === "boolean") return control(14, value ? 1 : 0);
  if (typeof value === "number") {
    if (Number.isInteger(value)) return [...control(6, 4), ...bytesOf(value, 4)];
    const double = new Uint8Array(Float64Array.of(value).buffer).reverse();
    return [...control(3, 8), ...double];
  }
  if (Array.isArray(value)) {
    return [...control(11, value.length), ...value.flatMap((item: Value) => encode(item))];
  }
  const entries = Object.entries(value);
  return [
    ...control(7, entries.length),
    ...entries.flatMap(([key, item]) => [...encode(key), ...encode(item)]),
  ];
}

/** Types above 7 have a byte of their own; sizes from 29 up have another. */
function control(type: number, size: number): number[] {
  const [inline, more] = size < 29 ? [size, []] : [29, [size - 29]];
  return type > 7 ? [inline, type - 7, ...more] : [(type << 5) | inline, ...more];
}

function bytesOf(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (value >>> (8 * (count - 1 - i))) & 255);
}
