// @ts-types="./std_user_agent.d.ts"
import { UserAgent } from "npm:deno-std@1.4.0/http/user_agent.js";
import { MAX_PARSED } from "./user_agent.ts";

/** Result of Fastly's device detection for a User-Agent field. The guest gets it as JSON, further keys included. */
export interface Device {
  /** SDKs read the texts `name`, `major`, `minor`, `patch`, `bot_name`, and the booleans `identified`, `is_bot`, … */
  readonly user_agent?: Readonly<Record<string, unknown>>;
  /** SDKs read the texts `name`, `major`, `minor`, `patch` and `patch_minor`. */
  readonly os?: Readonly<Record<string, unknown>>;
  /** SDKs read the texts `name`, `brand`, `model`, `hwtype`, and the booleans `is_mobile`, `is_desktop`, `is_tablet`, … */
  readonly device?: Readonly<Record<string, unknown>>;
}

/** Returns the device of a User-Agent field; undefined if it is not known. */
export type DeviceLookup = (userAgent: string) => Device | undefined;

const DESKTOP = /^(windows|macos|chrome os|linux|[klx]?ubuntu|debian|fedora|[a-z]*bsd|solaris)$/i;

/** Fastly's names for the parser's types of hardware. */
const HARDWARE: Readonly<Record<string, string>> = {
  console: "Game Console",
  mobile: "Mobile Phone",
  smarttv: "Smart TV",
  tablet: "Tablet",
};

/**
 * Default device lookup: the standard library's parser. Keys that it does not know (those of bots) are left out.
 *
 * @returns The device; undefined for a field that the parser does not know.
 */
export function parseDevice(userAgent: string): Device | undefined {
  const { browser, os, device } = new UserAgent(userAgent.slice(0, MAX_PARSED));
  if (!browser.name && !os.name && !device.model && !device.type) return undefined;
  return {
    user_agent: { name: browser.name, ...version(browser.version), identified: !!browser.name },
    os: { name: os.name, ...version(os.version) },
    device: hardware(device, os.name ?? ""),
  };
}

function hardware(
  { model, type, vendor }: UserAgent["device"],
  system: string,
): Readonly<Record<string, unknown>> {
  const desktop = !type && DESKTOP.test(system);
  const reader = vendor === "Kindle";
  const known = type !== undefined || desktop;
  return {
    name: model,
    brand: vendor,
    model,
    hwtype: reader ? "E-Reader" : desktop ? "Desktop" : HARDWARE[type ?? ""],
    ...known && {
      is_desktop: desktop,
      is_ereader: reader,
      is_gameconsole: type === "console",
      is_mobile: type === "mobile",
      is_smarttv: type === "smarttv",
      is_tablet: type === "tablet" && !reader,
    },
    is_touchscreen: type === "mobile" || type === "tablet" ? true : undefined,
  };
}

function version(version = ""): Readonly<Record<string, string | undefined>> {
  const [, major, minor, patch] = /^(\d+)(?:\.(\w+))?(?:\.(\w+))?/.exec(version) ?? [];
  return { major, minor, patch };
}
