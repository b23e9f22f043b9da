// @ts-types="./std_user_agent.d.ts"
import { UserAgent } from "npm:deno-std@1.4.0/http/user_agent.js";
import { MAX_PARSED } from "./user_agent.ts";

/** What Fastly's device detection tells of a User-Agent field; it reaches the guest as JSON, with any further keys. */
export interface Device {
  /** SDKs read the texts `name`, `major`, `minor`, `patch`, `bot_name`; and whether `identified`, `is_bot`, … */
  readonly user_agent?: Readonly<Record<string, unknown>>;
  /** SDKs read the texts `name`, `major`, `minor`, `patch` and `patch_minor`. */
  readonly os?: Readonly<Record<string, unknown>>;
  /** SDKs read the texts `name`, `brand`, `model`, `hwtype`; and whether `is_mobile`, `is_desktop`, `is_tablet`, … */
  readonly device?: Readonly<Record<string, unknown>>;
}

/** Finds the device of a User-Agent field, or nothing. */
export type DeviceLookup = (userAgent: string) => Device | undefined;

const DESKTOP = /^(windows|macos|chrome os|linux|[klx]?ubuntu|debian|fedora|[a-z]*bsd|solaris)$/i;

/** The parser's types of hardware, as Fastly calls them. */
const HARDWARE: Readonly<Record<string, string>> = {
  console: "Game Console",
  mobile: "Mobile Phone",
  smarttv: "Smart TV",
  tablet: "Tablet",
};

/**
 * The look-up of a service that sets none: what the standard library's parser finds in the field. What it cannot tell
 * (of bots it knows nothing) is left out; nothing for a field that it does not know at all.
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
  const told = type !== undefined || desktop;
  return {
    name: model,
    brand: vendor,
    model,
    hwtype: reader ? "E-Reader" : desktop ? "Desktop" : HARDWARE[type ?? ""],
    ...told && {
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
