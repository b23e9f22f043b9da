import { STATUS_CODES } from "node:http";

/** What node's own writer takes for a name, and for a value. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Fields that say more than the head itself: node's writer knows what. */
const SPECIAL: ReadonlySet<string> = new Set(["connection", "keep-alive", "trailer", "upgrade"]);

/**
 * The text of a response's head on a connection that stays open, as node writes it: with a Date if there is none.
 * Undefined for what only node's own writer can write, or refuse.
 *
 * @param raw The fields as `[name, value, …]`.
 * @param keepAlive Seconds after which an idle connection closes.
 */
export function headText(
  status: number,
  raw: readonly string[],
  keepAlive: number,
): string | undefined {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  let dated = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    if (!NAME.test(name) || !VALUE.test(value)) return undefined;
    const key = name.toLowerCase();
    if (SPECIAL.has(key)) return undefined;
    dated ||= key === "date";
    text += `${name}: ${value}\r\n`;
  }
  if (!dated) text += `Date: ${date()}\r\n`;
  return `${text}Connection: keep-alive\r\nKeep-Alive: timeout=${keepAlive}\r\n\r\n`;
}

let second = 0;
let shown = "";

/** The time in the form of a Date field. */
function date(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    shown = new Date(now * 1000).toUTCString();
  }
  return shown;
}
